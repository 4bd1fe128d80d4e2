/**
 * What every part of the engine works with.
 *
 * @module
 */

import type { Drivers } from '../drivers/driver.ts'
import type { Kernel } from '../kernel/kernel.ts'
import type { FirewallBackend } from '../model/attachment.ts'
import { endpointAlias } from '../model/names.ts'
import type { FoldersBeside } from '../state/beside.ts'
import type { BootMark } from '../state/boot.ts'
import type { HostConfig } from '../state/config.ts'
import type { Warn } from '../state/files.ts'
import type { Locks } from '../state/lock.ts'
import type { NameRoutes } from '../state/nameroutes.ts'
import type { NetworkDefinitions } from '../state/networks.ts'
import type { ContainerRecord, Records, UnitRecords } from '../state/records.ts'
import { type Owner, type Reservations, unknownOwner } from '../state/reservations.ts'
import type { Tidying } from '../state/tidy.ts'
import type { NameService } from './names/nameservice.ts'

export interface EngineContext {
  readonly kernel: Kernel
  readonly locks: Locks
  readonly containers: Records<ContainerRecord>
  /** Told of what is wrong and gone on without. */
  readonly warn: Warn
  readonly units: UnitRecords
  readonly networks: NetworkDefinitions
  readonly reservations: Reservations
  readonly boot: BootMark
  readonly beside: FoldersBeside
  readonly tidying: Tidying
  readonly hostConfig: HostConfig
  /** Kinds of network beside `bridge`. */
  readonly drivers: Drivers
  /** Absent: names are switched off, or this kernel starts no name server. */
  readonly names?: NameService
  /** Whom to ask for which domain. */
  readonly nameRoutes?: NameRoutes
  /** Another process stays and holds reserved ports: its pid. It sees a moment later what was given back. */
  readonly otherHolder: () => number | undefined
  /** Used where a request does not say. */
  readonly backend: FirewallBackend
}

/** For what may still be given up: waiting for a lock ends with the signal. Undoing waits on. */
export function interruptible(context: EngineContext, signal: AbortSignal | undefined): EngineContext {
  return signal === undefined ? context : { ...context, locks: context.locks.until(signal) }
}

/** How people know a container: `web (3f2a)`. */
export function describeOwner(owner: Owner): string {
  return owner.name === undefined ? owner.container : `${owner.name} (${owner.container})`
}

/**
 * The sandbox of that owner still exists: our host veth is there (it goes with
 * the namespace), else the path opens with the same cookie. A namespace can
 * outlive the process it was named by.
 */
export async function ownerIsAlive(context: EngineContext, owner: Owner): Promise<boolean> {
  // Whoever it is: records may say so, and nobody is taken anything away before they have been asked.
  if (owner === unknownOwner) return true
  if (context.kernel.isAlive(owner.path, { cookie: owner.cookie, bootId: owner.bootId })) return true
  const result = context.containers.get(owner.record)?.result
  if (result === undefined && context.containers.hasAside(owner.record)) return hasLink(context, owner)
  if (owner.alias !== undefined) return hasEnd(context, owner)
  if (result === undefined || result.sandbox.identity.cookie !== owner.cookie) return false
  if (owner.bootId !== context.kernel.bootId()) return false
  for (const { hostIfname, ifname } of result.attachments) {
    const alias = endpointAlias({
      containerId: owner.container,
      containerName: result.container.name,
      ifname,
    })
    if ((await context.kernel.hostLink(hostIfname))?.alias === alias) return true
  }
  return false
}

/** Of one whose record cannot be read: its links go with its sandbox, and say whose they are. */
async function hasLink({ kernel }: EngineContext, { container, bootId, alias }: Owner): Promise<boolean> {
  if (bootId !== kernel.bootId()) return false
  const { links } = await kernel.hostFacts()
  return links.some((link) =>
    alias === undefined ? link.alias?.startsWith(`tsnet:${container}/`) === true : link.alias === alias,
  )
}

/** How long an engine may take to carry the other end into its sandbox; most take a tenth of a second. */
const carriedWithinMs = 60_000

/** Our end of the pair is there, and the other one is not back on the host, where an engine that lost us leaves it. */
async function hasEnd({ kernel, containers }: EngineContext, owner: Owner): Promise<boolean> {
  if (owner.bootId !== kernel.bootId()) return false
  const { result, peer } = containers.get(owner.record) ?? {}
  if (result === undefined) return false
  for (const { hostIfname } of result.attachments) {
    if ((await kernel.hostLink(hostIfname))?.alias !== owner.alias) continue
    const isHere = peer !== undefined && kernel.hasHostLink(peer)
    return !isHere || Date.now() - Date.parse(result.createdAt) < carriedWithinMs
  }
  return false
}
