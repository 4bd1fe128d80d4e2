/**
 * A socket bound to a port of the host, without SO_REUSEADDR and without listening.
 *
 * @see ip(7)
 * @module
 */

import { type Address, bytesOf, familyOf } from '../../model/address.ts'
import type { Protocol } from '../../model/portmapping.ts'
import { AF_INET, AF_INET6 } from '../netlink/addr.ts'
import { bindSocket } from '../system/sockets.ts'

const SOCK_STREAM = 1
const SOCK_DGRAM = 2
const IPPROTO_SCTP = 132

/** @returns its descriptor. @throws SystemError with the kernel's errno */
export function bindPort(protocol: Protocol, address: Address, port: number): number {
  const isV4 = familyOf(address) === 4
  return bindSocket({
    domain: isV4 ? AF_INET : AF_INET6,
    type: protocol === 'udp' ? SOCK_DGRAM : SOCK_STREAM,
    protocol: protocol === 'sctp' ? IPPROTO_SCTP : 0,
    address: socketAddress(address, port),
    v6Only: !isV4,
  })
}

/** struct sockaddr_in or sockaddr_in6; the family is in host byte order (little endian, see netlink/encode.ts). */
export function socketAddress(address: Address, port: number): Buffer {
  const v4 = familyOf(address) === 4
  const bytes = Buffer.alloc(v4 ? 16 : 28)
  bytes.writeUInt16LE(v4 ? AF_INET : AF_INET6, 0)
  bytes.writeUInt16BE(port, 2)
  bytes.set(bytesOf(address), v4 ? 4 : 8)
  return bytes
}
