/**
 * Published ports held against processes of the host: bound, without
 * SO_REUSEADDR and without listening, as long as this process lives (decisions 10).
 *
 * Only a process that stays holds ports, and says so first (`startHolding`). A port that
 * cannot be bound is not held, and nothing else comes of it: whether it is free was asked
 * before. Not held are large ranges, and port 53, which name servers of networks share.
 *
 * @module
 */

import { type Address, familyOf, isUnspecified } from '../../model/address.ts'
import type { Protocol } from '../../model/portmapping.ts'
import type { HostPorts, PortHolding } from '../kernel.ts'
import { closeDescriptor } from '../system/libc.ts'
import { fileText } from '../system/processes.ts'
import { bindPort } from './portsocket.ts'

const everywhere: readonly Address[] = ['0.0.0.0' as Address, '::' as Address]
const longestRange = 256
const namesPort = 53
const mostSockets = 16_384

/** By what they hold. */
const held = new Map<string, { readonly ports: HostPorts; readonly sockets: readonly number[] }>()
let isOn = false
let room = 0

/** From now on this process holds what it is told to. @returns what ends that */
export function startHolding(): () => void {
  isOn = true
  // Most descriptors are for others: a quarter, where few are allowed.
  const [, allowed] = /^Max open files\s+(\d+)/m.exec(fileText('/proc/self/limits') ?? '') ?? []
  room = Math.min(mostSockets, Math.floor(Number(allowed ?? 1024) / 4))
  return () => {
    for (const { ports } of [...held.values()]) letPortsGo(ports)
    isOn = false
  }
}

function holdPorts(ports: HostPorts): void {
  const { protocol, address, port, count } = ports
  if (count > longestRange || held.has(portsName(ports))) return
  const addresses = address === undefined ? everywhere : [address]
  const sockets: number[] = []
  for (let number = port; number < port + count; number++) {
    if (number === namesPort) continue
    for (const one of addresses) if (room > 0) sockets.push(...bound(protocol, one, number))
  }
  held.set(portsName(ports), { ports, sockets })
}

function letPortsGo(ports: HostPorts): void {
  for (const socket of held.get(portsName(ports))?.sockets ?? []) {
    closeDescriptor(socket)
    room++
  }
  held.delete(portsName(ports))
}

function heldPorts(): readonly HostPorts[] {
  return [...held.values()].map(({ ports }) => ports)
}

export const portHolding: PortHolding = {
  isOn: () => isOn,
  hold: holdPorts,
  letGo: letPortsGo,
  held: heldPorts,
}

export function isHeld(protocol: Protocol, port: number): boolean {
  return heldAt(protocol, undefined, port).length > 0
}

/** For whoever asks whether a port is free that nobody has reserved: what is still held there is of the past. */
export function forgetHeld(protocol: Protocol, address: Address | undefined, port: number): void {
  for (const ports of heldAt(protocol, address, port)) letPortsGo(ports)
}

/** Of an address, those that keep it from being bound. */
function heldAt(protocol: Protocol, address: Address | undefined, port: number): readonly HostPorts[] {
  const found: HostPorts[] = []
  // There may be ten thousand, and every published port is asked for: no list of them all is made.
  for (const { ports } of held.values()) {
    if (ports.protocol !== protocol || port < ports.port || port >= ports.port + ports.count) continue
    if (meet(ports.address, address)) found.push(ports)
  }
  return found
}

/** Absent: every one of both families. */
function meet(a: Address | undefined, b: Address | undefined): boolean {
  if (a === undefined || b === undefined || a === b) return true
  return familyOf(a) === familyOf(b) && (isUnspecified(a) || isUnspecified(b))
}

function bound(protocol: Protocol, address: Address, port: number): readonly number[] {
  try {
    const socket = bindPort(protocol, address, port)
    room--
    return [socket]
  } catch {
    // No IPv6, no SCTP, or somebody was faster.
    return []
  }
}

/** The same ports have the same one. */
export function portsName({ protocol, address = 'any' as Address, port, count }: HostPorts): string {
  return `${protocol} ${address} ${port} ${count}`
}
