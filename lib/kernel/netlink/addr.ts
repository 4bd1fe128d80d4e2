/**
 * Addresses of links over rtnetlink.
 *
 * IPv6 addresses are added without duplicate address detection: they were
 * leased, and a container must be able to use them at once.
 *
 * @see rtnetlink(7), include/uapi/linux/if_addr.h
 * @module
 */

import {
  addressOf,
  boundsOf,
  bytesOf,
  type Cidr,
  familyOf,
  fromBytes,
  fromNumber,
  isLoopback,
  prefixLength,
  withPrefix,
} from '../../model/address.ts'
import {
  type Attribute,
  decodeAttributes,
  type Message,
  NLM_F_CREATE,
  NLM_F_EXCL,
  type Received,
} from './encode.ts'

const RTM_NEWADDR = 20
const RTM_DELADDR = 21
const RTM_GETADDR = 22
const IFA_ADDRESS = 1
const IFA_LOCAL = 2
const IFA_BROADCAST = 4
const IFA_F_NODAD = 0x02
const RT_SCOPE_UNIVERSE = 0
const RT_SCOPE_HOST = 254
const addressHeadBytes = 8

export const AF_INET = 2
export const AF_INET6 = 10

/** An address as the kernel tells it. */
export interface LinkAddress {
  readonly index: number
  readonly cidr: Cidr
  /** False for loopback and link-local addresses: they mean nothing to other hosts. */
  readonly global: boolean
}

/** struct ifaddrmsg */
function addressHead(index: number, cidr: Cidr, flags: number): Uint8Array {
  const head = Buffer.alloc(addressHeadBytes)
  head[0] = familyOf(cidr) === 4 ? AF_INET : AF_INET6
  head[1] = prefixLength(cidr)
  head[2] = flags
  head[3] = isLoopback(addressOf(cidr)) ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE
  head.writeUInt32LE(index, 4)
  return head
}

/** Fails with EEXIST if the link has the address already. */
export function addrAdd(index: number, cidr: Cidr): Message {
  const address = bytesOf(addressOf(cidr))
  const attributes: Attribute[] = [
    { type: IFA_LOCAL, value: address },
    { type: IFA_ADDRESS, value: address },
  ]
  // A /31 or /32 has no broadcast address (RFC 3021).
  if (familyOf(cidr) === 4 && prefixLength(cidr) <= 30) {
    attributes.push({ type: IFA_BROADCAST, value: bytesOf(fromNumber(4, boundsOf(cidr).last)) })
  }
  const head = addressHead(index, cidr, familyOf(cidr) === 6 ? IFA_F_NODAD : 0)
  return { type: RTM_NEWADDR, flags: NLM_F_CREATE | NLM_F_EXCL, head, attributes }
}

/** Takes an address from a link (`ip address delete`). */
export function addrDel(index: number, cidr: Cidr): Message {
  const attributes = [{ type: IFA_LOCAL, value: bytesOf(addressOf(cidr)) }]
  return { type: RTM_DELADDR, flags: 0, head: addressHead(index, cidr, 0), attributes }
}

/** For a dump of both families. */
export function addrList(): Message {
  return { type: RTM_GETADDR, flags: 0, head: Buffer.alloc(addressHeadBytes), attributes: [] }
}

/** The addresses among received messages. */
export function decodeAddresses(messages: readonly Received[]): readonly LinkAddress[] {
  const addresses: LinkAddress[] = []
  for (const { type, payload } of messages) {
    const family = payload[0]
    if (
      type !== RTM_NEWADDR ||
      payload.length < addressHeadBytes ||
      (family !== AF_INET && family !== AF_INET6)
    )
      continue
    const attributes = decodeAttributes(payload, addressHeadBytes)
    // On point-to-point links IFA_ADDRESS is the other end.
    const local = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS)
    if (local === undefined) continue
    addresses.push({
      index: payload.readUInt32LE(4),
      cidr: withPrefix(fromBytes(local), payload[1] ?? 0),
      global: payload[3] === RT_SCOPE_UNIVERSE,
    })
  }
  return addresses
}
