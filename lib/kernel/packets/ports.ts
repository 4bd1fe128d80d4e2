/**
 * Is a host port free, and if not, who has it?
 *
 * The kernel is asked by binding, for a moment, without SO_REUSEADDR: that
 * finds bound sockets that do not listen too. A connection that happens to use
 * the port as its own end is no conflict: its packets belong to a tracked flow
 * and are never translated. Not responsible for ports other attachments have
 * reserved (state) nor for ports translated by others' rules.
 *
 * @see ip(7), decision 10
 * @module
 */

import { fail } from '../../errors/codes.ts'
import { type Address, familyOf, isUnspecified } from '../../model/address.ts'
import type { Protocol } from '../../model/portmapping.ts'
import type { PortHolder, RangeHolder } from '../kernel.ts'
import { EADDRINUSE, EADDRNOTAVAIL, EINVAL, errnoOf } from '../system/errno.ts'
import { closeDescriptor } from '../system/libc.ts'
import { forgetHeld, isHeld } from './portholder.ts'
import { bindPort } from './portsocket.ts'
import { type LocalSocket, localSockets, ownersOf } from './sockets.ts'

const everywhere: readonly Address[] = ['0.0.0.0' as Address, '::' as Address]
const unknownHolder: PortHolder = { pid: undefined, program: undefined }

/**
 * Somebody's socket in this namespace that is bound to the port.
 *
 * @param address undefined: any address of the host, in both families
 * @returns the holder, with pid and program as far as /proc tells; undefined if the port is free
 * @throws TSNET_BAD_VALUE (invalid) if the host does not have the address
 */
export async function portHolder(
  protocol: Protocol,
  address: Address | undefined,
  port: number,
): Promise<PortHolder | undefined> {
  forgetHeld(protocol, address, port)
  const busy = addressesOf(address).filter((one) => !canBind(protocol, one, port))
  if (busy.length === 0) return undefined
  const there = localSockets(protocol).filter((socket) => socket.port === port)
  const holding = there.filter((socket) => !socket.connected && busy.some((one) => excludes(socket, one)))
  // No socket in /proc at all: it is bound and does not listen. Only connections: they do not count.
  if (holding.length === 0) return there.length === 0 ? unknownHolder : undefined
  const [owner = unknownHolder] = ownersOf(holding.map(({ inode }) => inode)).values()
  return owner
}

/**
 * The same for many ports, by reading /proc once and binding only what is there: does not see TCP sockets that
 * are bound and do not listen.
 *
 * @returns one entry for each port that is taken, in the order of the ports
 * @throws TSNET_BAD_VALUE (invalid) if the host does not have the address
 */
export async function portHolders(
  protocol: Protocol,
  address: Address | undefined,
  first: number,
  count: number,
): Promise<readonly RangeHolder[]> {
  const wanted = addressesOf(address)
  for (const one of wanted) canBind(protocol, one, 0)
  const holding = localSockets(protocol).filter(
    (socket) =>
      !socket.connected &&
      first <= socket.port &&
      socket.port < first + count &&
      !isHeld(protocol, socket.port) &&
      wanted.some((one) => excludes(socket, one) && !canBind(protocol, one, socket.port)),
  )
  const owners = ownersOf(holding.map(({ inode }) => inode))
  const byPort = new Map(holding.map(({ port, inode }) => [port, owners.get(inode) ?? unknownHolder]))
  return [...byPort].sort(([a], [b]) => a - b).map(([port, holder]) => ({ port, ...holder }))
}

function addressesOf(address: Address | undefined): readonly Address[] {
  return address === undefined ? everywhere : [address]
}

/** A `::` socket may or may not take IPv4 as well, /proc does not say: asked only after a bind has failed. */
function excludes(socket: LocalSocket, address: Address): boolean {
  if (socket.address === address || socket.address === '::') return true
  return (
    familyOf(socket.address) === familyOf(address) &&
    (isUnspecified(socket.address) || isUnspecified(address))
  )
}

/** @returns false where another socket has the port; true also where the kernel has no such sockets at all */
function canBind(protocol: Protocol, address: Address, port: number): boolean {
  try {
    closeDescriptor(bindPort(protocol, address, port))
    return true
  } catch (error) {
    const errno = errnoOf(error)
    if (errno === EADDRINUSE) return false
    if (!isUnspecified(address) && (errno === EADDRNOTAVAIL || errno === EINVAL)) throw notOurs(address)
    // No IPv6 or no SCTP in this kernel: then nobody else can have a socket there either.
    if (errno !== undefined) return true
    throw error
  }
}

function notOurs(address: Address): Error {
  return fail('TSNET_BAD_VALUE', {
    message: `publishing on ${address}: this host does not have that address`,
    field: '--publish',
    value: address,
    hint: 'see the addresses of this host with `ip addr`',
  })
}
