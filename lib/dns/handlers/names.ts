/**
 * Names of containers, in what the asker sees.
 *
 * A name that is there without the type asked for is "no data" with our SOA,
 * for every type: musl and `host` give up on NXDOMAIN. An unknown name in a
 * domain of ours is NXDOMAIN and goes nowhere else.
 *
 * @see RFC 2308, RFC 8482 (ANY)
 * @module
 */

import type { LocalAnswer, LocalRecord } from '../answer.ts'
import type { Handler } from '../chain.ts'
import { RCODE, TYPE, textOf } from '../wire.ts'
import { typeOf } from '../zone-fast.ts'
import { type Entry, lookup } from '../zone-lookup.ts'

export const names: Handler = ({ query, view }, next) => {
  const { entries, within } = lookup(view, query.key)
  if (entries.length > 0) {
    const records = recordsOf(entries, query.type)
    const why = `a name on network ${view.networks.map(({ network }) => network.name).join(', ')}`
    if (records.length > 0) return { kind: 'local', rcode: RCODE.NOERROR, records, why }
    return denial(RCODE.NOERROR, query.key, `${why}, which has no such record`)
  }
  if (within === undefined) return next()
  if (within !== query.key) {
    return denial(RCODE.NXDOMAIN, within, `no container of that name in ${textOf(within)}`)
  }
  if (query.type !== TYPE.SOA) return denial(RCODE.NOERROR, within, 'a domain of ours')
  return { kind: 'local', rcode: RCODE.NOERROR, records: [{ type: 'soa' }], why: 'a domain of ours' }
}

export function denial(rcode: number, denied: string, why: string): LocalAnswer {
  return { kind: 'local', rcode, records: [], denied, why }
}

function recordsOf(entries: readonly Entry[], type: number): readonly LocalRecord[] {
  const every = type === TYPE.ANY
  const records: LocalRecord[] = []
  const addresses = [...new Set(entries.flatMap((entry) => entry.addresses))].filter(
    (address) => every || typeOf(address) === type,
  )
  for (const address of rotated(addresses, entries[0])) records.push({ type: 'address', address })
  if (every || type === TYPE.PTR) {
    const targets = new Set(entries.flatMap((entry) => entry.pointers))
    for (const target of rotated([...targets], entries[0])) records.push({ type: 'pointer', target })
  }
  if (every || type === TYPE.SRV) {
    for (const { port, target } of entries.flatMap((entry) => entry.services)) {
      records.push({ type: 'service', port, target })
    }
  }
  return records
}

/** Each answer begins one further: clients that take the first are spread over all. */
function rotated<T>(all: readonly T[], entry: Entry | undefined): readonly T[] {
  if (entry === undefined || all.length < 2) return all
  const first = entry.turn++ % all.length
  return [...all.slice(first), ...all.slice(0, first)]
}
