/**
 * What every part of the engine works with.
 *
 * @module
 */

import type { Drivers } from '../drivers/driver.ts'
import type { Kernel } from '../kernel/kernel.ts'
import type { FirewallBackend } from '../model/attachment.ts'
import { endpointAlias } from '../model/names.ts'
import type { BootMark } from '../state/boot.ts'
import type { HostConfig } from '../state/config.ts'
import type { Locks } from '../state/lock.ts'
import type { NameRoutes } from '../state/nameroutes.ts'
import type { NetworkDefinitions } from '../state/networks.ts'
import type { ContainerRecord, Records, UnitRecord } from '../state/records.ts'
import type { Owner, Reservations } from '../state/reservations.ts'
import type { Tidying } from '../state/tidy.ts'
import type { NameService } from './nameservice.ts'

export interface EngineContext {
  readonly kernel: Kernel
  readonly locks: Locks
  readonly containers: Records<ContainerRecord>
  readonly units: Records<UnitRecord>
  readonly networks: NetworkDefinitions
  readonly reservations: Reservations
  readonly boot: BootMark
  readonly tidying: Tidying
  readonly hostConfig: HostConfig
  /** Kinds of network beside `bridge`. */
  readonly drivers: Drivers
  /** Absent: names are switched off, or this kernel starts no name server. */
  readonly names?: NameService
  /** Whom to ask for which domain. */
  readonly nameRoutes?: NameRoutes
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
  if (context.kernel.isAlive(owner.path, { cookie: owner.cookie, bootId: owner.bootId })) return true
  const result = context.containers.get(owner.record)?.result
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
