/**
 * What Docker does not tell: endpoints it forgot, networks it removed while we
 * were away, networks that a reboot took, and what its containers are called.
 *
 * What a living container has is never taken from it, whatever Docker says: an
 * endpoint goes when its link is gone or back on the host, a network when nobody
 * is on it.
 *
 * @module
 */

import type { HostEnd, RemoteEngine } from '../../engine/endpoint/remote.ts'
import { asTsnetError } from '../../errors/codes.ts'
import { isContainerName, isHostname } from '../../model/names.ts'
import type { DockerApi, DockerView } from './api.ts'
import { deleteNetwork, type Networks } from './networks.ts'
import { createRescue } from './stranded.ts'

export interface Upkeep {
  /** Something has changed: looks soon, and a few times again. */
  nudge(): void
  /** One round, when those before are over. */
  look(): Promise<void>
  stop(): Promise<void>
}

export interface UpkeepParts {
  readonly networks: Networks
  readonly api: DockerApi
  readonly report: (what: string, fields: Readonly<Record<string, unknown>>) => void
}

/** A container is started some tenths of a second after its endpoint was joined; slow hosts take longer. */
const afterMs = [100, 300, 1000, 3000, 10_000]
const everyMs = 30_000
/** Docker shows a network a moment after it has told us of it. */
const youngMs = 10_000

export function startUpkeep(parts: UpkeepParts): Upkeep {
  const missing = new Map<string, number>()
  const timers = new Map<number, NodeJS.Timeout>()
  const rescue = createRescue(parts.api, parts.report)
  /** Whoever does not run is asked for once in a while, and not after each change. */
  let due = true
  let last: Promise<void> = Promise.resolve()
  const look = (): Promise<void> => {
    last = last
      .then(() => round(parts, missing))
      .then((view) => {
        if (view === undefined || !due) return
        due = false
        // A start takes seconds, and calls us: nobody waits for it here.
        void rescue.look(new Set(parts.networks.documents.keys())).catch(() => undefined)
      })
      .catch((error: unknown) => {
        parts.report('docker upkeep failed', { error: asTsnetError(error).message })
      })
    return last
  }
  const endTimers = (): void => {
    for (const timer of timers.values()) clearTimeout(timer)
  }
  const interval = setInterval(() => {
    due = true
    void look()
  }, everyMs)
  interval.unref()
  const nudge = (): void => {
    for (const ms of afterMs) {
      // One that waits already is left alone, or on a busy host none would ever be due.
      if (timers.has(ms)) continue
      const now = (): void => {
        timers.delete(ms)
        void look()
      }
      timers.set(ms, setTimeout(now, ms).unref())
    }
  }
  void look()
  // dockerd may be about to start, and waiting for us.
  nudge()
  return {
    nudge,
    look,
    stop: async () => {
      clearInterval(interval)
      endTimers()
      await last
    },
  }
}

/** @returns what Docker says; undefined where nobody answers, or there is nothing of Docker's */
async function round(
  { networks, api, report }: UpkeepParts,
  missing: Map<string, number>,
): Promise<DockerView | undefined> {
  const { engine, documents } = networks
  if (documents.keys().length === 0 && engine.ends.list().length === 0 && engine.pools.list().length === 0)
    return undefined
  const view = await api.view()
  for (const end of engine.ends.list()) {
    if (await engine.ends.isAlive(end.id)) continue
    await engine.ends.remove(end.id)
    report('docker endpoint forgotten', { endpoint: end.id.slice(0, 12), network: end.network })
  }
  await forgetNetworks({ networks, view, report, missing })
  await restoreNetworks(networks, report)
  await releasePools(engine, report)
  if (view !== undefined) await learnNames(networks, view, api)
  return view
}

/** Removed while we were away: Docker has none of that id, twice, and nobody is on it. */
async function forgetNetworks({
  networks,
  view,
  report,
  missing,
}: {
  readonly networks: Networks
  readonly view: DockerView | undefined
  readonly report: UpkeepParts['report']
  readonly missing: Map<string, number>
}): Promise<void> {
  const { documents, engine } = networks
  if (view === undefined) return
  for (const id of documents.keys()) {
    const document = documents.get(id)
    const young = document === undefined || Date.now() - Date.parse(document.createdAt) < youngMs
    if (young || view.networks.has(id)) {
      missing.delete(id)
      continue
    }
    const count = (missing.get(id) ?? 0) + 1
    missing.set(id, count)
    if (count < 2 || engine.ends.list().some((end) => end.network === document.network)) continue
    await deleteNetwork(networks, id)
    missing.delete(id)
    report('docker network forgotten', { network: document.network })
  }
}

/** No CreateNetwork comes after a reboot, and none after somebody has deleted a bridge. */
async function restoreNetworks(
  { engine, documents }: Networks,
  report: UpkeepParts['report'],
): Promise<void> {
  for (const id of documents.keys()) {
    const name = documents.get(id)?.network
    if (name === undefined || engine.network(name) === undefined) continue
    await engine.restoreNetwork(name).catch((error: unknown) => {
      report('docker network not restored', { network: name, error: asTsnetError(error).message })
    })
  }
}

/** Asked for, and then no network came of it. */
async function releasePools({ pools, network }: RemoteEngine, report: UpkeepParts['report']): Promise<void> {
  for (const { id, network: user, createdAt } of pools.list()) {
    const old = Date.now() - Date.parse(createdAt) > 6 * youngMs
    if (user === undefined ? !old : network(user) !== undefined) continue
    await pools.release(id)
    report('docker pool released', { pool: id })
  }
}

async function learnNames({ engine, documents }: Networks, view: DockerView, api: DockerApi): Promise<void> {
  for (const id of documents.keys()) {
    const label = view.networks.get(id)
    const document = documents.get(id)
    if (label === undefined || document === undefined || !isContainerName(label)) continue
    // A network of tsnet's own has a name already.
    if (document.own) engine.describeNetwork(document.network, { label, domain: label })
  }
  for (const end of engine.ends.list()) {
    const known = view.endpoints.get(end.id)
    if (known === undefined || !isContainerName(known.name)) continue
    if (end.container?.id === known.container && end.container.name === known.name && isCarried(end)) continue
    const page = await api.container(known.container, end.id)
    if (page === undefined) continue
    const { hostname, sandbox, aliases } = page
    await engine.ends
      .identify(end.id, {
        container: {
          id: known.container,
          name: known.name,
          ...(hostname === undefined || !isHostname(hostname) ? {} : { hostname }),
        },
        aliases: aliases.filter((alias) => alias !== known.name && isHostname(alias)),
        ...(sandbox === undefined ? {} : { sandboxPath: sandbox }),
      })
      // A name server that cannot be started now is tried again with the next change.
      .catch(() => undefined)
  }
}

/** Its name inside the container is known. */
const isCarried = ({ attachment, peer }: HostEnd): boolean => attachment.ifname !== peer
