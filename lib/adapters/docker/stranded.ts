/**
 * Containers that dockerd wanted to start while nobody answered for their
 * network: at a boot where it came first, dockerd waits 15 s for a driver, gives
 * each such container up, and never tries again, whatever its restart policy.
 *
 * Started here once, by dockerd's API and as dockerd would have: those with a
 * restart policy whose last start failed for want of a driver. Anything else
 * that does not run is so because somebody wanted it, or for a fault of its own.
 *
 * @module
 */

import type { DockerApi, DockerStopped } from './api.ts'

export interface Rescue {
  /** @param networks ids of Docker's */
  look(networks: ReadonlySet<string>): Promise<void>
}

/**
 * In words of dockerd, `tsnet` being the driver's name: `plugin "tsnet" not found`, `dial unix …/tsnet.sock: connect: …`,
 * `NetworkDriver.CreateEndpoint: …` of a call that broke off; and ours, where the host was too busy to answer in time.
 */
const wantOfDriver =
  /\bplugin "[^"]*" not found|\bdial (unix|tcp)\b|\/(NetworkDriver|IpamDriver)\.\w+"?: |\btsnet: .*try again/

export function createRescue(
  api: Pick<DockerApi, 'stopped' | 'start'>,
  report: (what: string, fields: Readonly<Record<string, unknown>>) => void,
): Rescue {
  let tried: ReadonlySet<string> = new Set()
  const start = async ({ id, name, fault }: DockerStopped): Promise<void> => {
    const started = await api.start(id)
    report(started ? 'docker container started' : 'docker container not started', { container: name, fault })
  }
  return {
    look: async (networks) => {
      if (networks.size === 0) return
      const stranded = (await api.stopped(networks)).filter(
        ({ restarts, fault }) => restarts && wantOfDriver.test(fault),
      )
      const fresh = stranded.filter(({ id }) => !tried.has(id))
      // One that runs meanwhile may be stranded again one day.
      tried = new Set(stranded.map(({ id }) => id))
      await Promise.all(fresh.map(start))
    },
  }
}
