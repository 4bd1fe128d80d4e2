/**
 * A name outside must not lead inside: what other servers answer to containers
 * of networks with `protect=strict` has no address of a container, of the
 * asker's own host or of its link, so that a page from evil.example cannot talk
 * to what lies behind evil.example a moment later (DNS rebinding).
 *
 * Private addresses in general may be: of a company's own servers.
 *
 * @module
 */

import { type Address, type Cidr, contains, fromBytes } from '../../model/address.ts'
import type { Handler } from '../chain.ts'
import { HEADER_BYTES, RCODE, recordAt, TYPE } from '../wire.ts'
import type { Zone } from '../zone.ts'
import { denial } from './names.ts'

/** This host, and this link. */
const ownRanges = ['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '::/127', 'fe80::/10'] as Cidr[]
/** `::ffff:0:0/96`: an IPv4 address in the clothes of an IPv6 one. */
const MAPPED_PREFIX = '00000000000000000000ffff'

export function noRebinding(zone: Pick<Zone, 'networks'>): Handler {
  return async ({ view, query }, next) => {
    const answer = await next()
    if (answer.kind !== 'forwarded' || !view.networks.some(({ network }) => network.protect)) return answer
    const ranges = [...ownRanges, ...zone.networks().flatMap(({ subnets }) => subnets)]
    const inside = addressesIn(answer.reply, query.questionEnd).find((address) =>
      ranges.some((range) => contains(range, address)),
    )
    if (inside === undefined) return answer
    return denial(RCODE.NXDOMAIN, '\0', `${inside} is an address of this host: rebinding`)
  }
}

/** Of all records, wherever they stand. */
function addressesIn(reply: Buffer, questionEnd: number): readonly Address[] {
  const found: Address[] = []
  const records = [6, 8, 10].reduce((sum, at) => sum + reply.readUInt16BE(at), 0)
  let at = reply.readUInt16BE(4) === 0 ? HEADER_BYTES : questionEnd
  for (let i = 0; i < records; i++) {
    const record = recordAt(reply, at)
    if (record === undefined) break
    at = record.end
    const bytes = reply.subarray(record.dataAt, record.end)
    if ((record.type === TYPE.A && bytes.length === 4) || (record.type === TYPE.AAAA && bytes.length === 16))
      found.push(fromBytes(unmapped(bytes)))
  }
  return found
}

function unmapped(bytes: Buffer): Buffer {
  return bytes.toString('hex').startsWith(MAPPED_PREFIX) ? bytes.subarray(12) : bytes
}
