/**
 * Fast and full path, asked the same: equal answers, record by record.
 *
 * @module
 */
import dns2 from 'dns2'
import { describe, expect, it } from 'vitest'
import { createChain } from '../../../lib/dns/chain.ts'
import { denial, names } from '../../../lib/dns/handlers/names.ts'
import { reverse } from '../../../lib/dns/handlers/reverse.ts'
import { RCODE } from '../../../lib/dns/wire.ts'
import { addressKey } from '../../../lib/dns/zone.ts'
import { answerFast } from '../../../lib/dns/zone-fast.ts'
import type { Address } from '../../../lib/model/address.ts'
import { askers, chance, question, sampleZone } from './corpus.ts'

/** What a message says, the order of answers (they rotate) left out. */
function meaning(message: Buffer): unknown {
  const { header, questions, answers, authorities, additionals } = dns2.Packet.parse(message)
  return {
    header: { ...header },
    question: message.subarray(12, 12 + (questions[0]?.name.length ?? 0) + 2).toString('latin1'),
    answers: answers.map((record) => JSON.stringify(record).toLowerCase()).sort(),
    // Compressed names take the case of the question they point into.
    authorities: JSON.stringify(authorities).toLowerCase(),
    additionals,
  }
}

describe('the two paths', () => {
  it('answer 40,000 generated questions alike, wherever the fast path answers at all', async () => {
    const zone = sampleZone()
    const chain = createChain([
      names,
      reverse(zone),
      () => denial(RCODE.REFUSED, '\0', 'stands in for forwarding'),
    ])
    const random = chance(3)
    const out = Buffer.alloc(512)
    let fast = 0
    for (let i = 0; i < 40_000; i++) {
      const message = question(random)
      const asker = askers[random(askers.length)] as Address
      const view = zone.view(addressKey(asker), asker.startsWith('10.2') ? 'back' : 'web')
      if (view === undefined) throw new Error(`no view for ${asker}`)
      const length = answerFast(view, message, out)
      if (length === 0) continue
      fast++
      const full = await chain(message, view, 'udp')
      expect(meaning(out.subarray(0, length))).toEqual(meaning(full?.reply as Buffer))
    }
    // Else the corpus would miss what it is for.
    expect(fast).toBeGreaterThan(40_000 / 5)
  })
})
