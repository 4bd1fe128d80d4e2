/**
 * What belongs to nobody: reservations whose container has neither a record nor
 * a journal entry, or whose maker was killed before it wrote its name, and rules
 * and links with the tag of such a container. And reservations whose file was
 * damaged: whom they belong to, the records say.
 *
 * @module
 */

import { asTsnetError } from '../../errors/codes.ts'
import type { TaggedRules } from '../../kernel/kernel.ts'
import { addressOf } from '../../model/address.ts'
import type { ContainerRecord } from '../../state/records.ts'
import { type Owner, unknownOwner } from '../../state/reservations.ts'
import { portKey } from '../attach/portkey.ts'
import type { EngineContext } from '../context.ts'
import { contentsOf } from '../names/names.ts'
import { isTagOf, ownerIn, stepsOf, type Traces, tracesOf, untold } from './traces.ts'

/**
 * Under the exclusive host lock: nobody is between taking a reservation and writing it down.
 *
 * @param look also where no reservation says that there was anybody
 * @returns whose rules and links were taken away
 */
export async function removeOrphans(
  context: EngineContext,
  look: 'always' | 'released',
): Promise<readonly string[]> {
  const released = releaseOrphans(context)
  for (const key of released) await context.names?.drop(key, () => contentsOf(context))
  if (look === 'released' && released.length === 0) return []
  const traces = await untold(context)
  const aside = tracesOf(traces, context.containers.asideKeys())
  const own = tracesOf(traces, released)
  // Of one that nobody has released a living container may be another tsnet's, with a state folder of its own.
  const living = traces.links.map(({ alias }) => ownerIn(alias)?.replace(/\/.*/, '') ?? '')
  const isOrphan = (rule: TaggedRules): boolean =>
    own.rules.includes(rule) || !living.some((id) => isTagOf(rule.tag, id))
  const orphans: Traces = {
    rules: traces.rules.filter((rule) => !aside.rules.includes(rule) && isOrphan(rule)),
    links: own.links.filter((link) => !aside.links.includes(link)),
  }
  for (const error of await context.kernel.revert(stepsOf(orphans), undefined))
    context.warn(`removing what belongs to no container: ${asTsnetError(error).message}`)
  const owners = [
    ...orphans.rules.map(({ tag }) => tag?.slice('tsnet:'.length)),
    ...orphans.links.map(({ alias }) => ownerIn(alias)),
  ]
  return [...new Set(owners.filter((owner) => owner !== undefined))].sort()
}

/** @returns the keys of the records they were of */
function releaseOrphans(context: EngineContext): readonly string[] {
  claimAgain(context)
  const released = new Set<string>()
  const { leases, ports, names } = context.reservations
  const { containers } = context
  // What a record that cannot be read any more held may be in use still.
  const aside = containers.asideKeys()
  const known = new Set([...containers.keys(), ...containers.pendingKeys(), ...aside])
  const orphaned = (owner: Owner | undefined): boolean => {
    if (isNobody(owner)) return aside.length === 0
    if (known.has(owner.record)) return false
    released.add(owner.record)
    return true
  }
  const defined = context.networks.names()
  for (const network of leases.networks()) {
    for (const address of leases.list(network)) {
      if (orphaned(leases.owner(network, address))) leases.release(network, address)
    }
    if (!defined.includes(network)) leases.forget(network)
  }
  for (const { key, owner } of ports.list()) if (orphaned(owner)) ports.release(key)
  for (const name of names.list()) if (orphaned(names.owner(name))) names.release(name)
  return [...released]
}

function isNobody(owner: Owner | undefined): owner is undefined {
  return owner === undefined || owner === unknownOwner
}

/** Reservations that are there and name nobody: written anew for the container whose record has them. */
function claimAgain(context: EngineContext): void {
  const { leases, ports, names } = context.reservations
  const nameless = {
    leases: new Set(
      leases.networks().flatMap((network) =>
        leases
          .list(network)
          .filter((address) => isNobody(leases.owner(network, address)))
          .map((address) => `${network}/${address}`),
      ),
    ),
    ports: new Set(ports.list().flatMap(({ key, owner }) => (isNobody(owner) ? [JSON.stringify(key)] : []))),
    names: new Set(names.list().filter((name) => isNobody(names.owner(name)))),
  }
  if (nameless.leases.size + nameless.ports.size + nameless.names.size === 0) return
  for (const id of context.containers.keys()) {
    const record = context.containers.get(id)
    const owner = record === undefined ? undefined : ownerOf(record)
    if (record === undefined || owner === undefined) continue
    const told = (what: string): void =>
      context.warn(`${what} had lost its owner: it is ${owner.container}'s`)
    for (const { network, addresses, ports: bindings } of record.result?.attachments ?? []) {
      for (const address of addresses.map(addressOf)) {
        if (!nameless.leases.has(`${network}/${address}`)) continue
        leases.retake(network, address, owner)
        told(`the lease of ${address} on ${network}`)
      }
      for (const key of bindings.map(portKey)) {
        if (!nameless.ports.has(JSON.stringify(key))) continue
        ports.release(key)
        ports.take(key, owner)
        told(`the port ${key.port}/${key.protocol}`)
      }
    }
    const { name } = record
    if (name === undefined || !nameless.names.has(name)) continue
    names.retake(name, owner)
    told(`the name ${name}`)
  }
}

/** As it was when the reservation was made. */
export function ownerOf({ id, container, name, alias, result }: ContainerRecord): Owner | undefined {
  if (result === undefined) return undefined
  const { path, identity } = result.sandbox
  const about = { record: id, container, ...(name === undefined ? {} : { name }), path }
  // The sandbox of such a one may have been found out later, and its reservations do not know.
  if (alias !== undefined) return { ...about, cookie: '', bootId: identity.bootId, alias }
  return { ...about, ...identity }
}
