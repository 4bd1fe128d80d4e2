/**
 * Packets by chance through the wire parser and both paths. `npm run test:fuzz`
 * sends a million; `TSNET_FUZZ_SEED` makes them others.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { createChain } from '../../../lib/dns/chain.ts'
import { denial, names } from '../../../lib/dns/handlers/names.ts'
import { reverse } from '../../../lib/dns/handlers/reverse.ts'
import { normaliseReply } from '../../../lib/dns/reply.ts'
import { RCODE, readQuery } from '../../../lib/dns/wire.ts'
import { addressKey } from '../../../lib/dns/zone.ts'
import { createFastPath } from '../../../lib/dns/zone-fast.ts'
import type { Address } from '../../../lib/model/address.ts'
import { chance, question, sampleZone, withEdns } from './corpus.ts'

const packets = Number(process.env['TSNET_FUZZ_PACKETS'] ?? 60_000)

describe('the name server', () => {
  it(`survives ${packets} damaged packets: no crash, no reply to a response, no error longer than its query`, {
    timeout: 600_000,
  }, async () => {
    const zone = sampleZone()
    const chain = createChain([
      names,
      reverse(zone),
      () => denial(RCODE.REFUSED, '\0', 'stands in for forwarding'),
    ])
    const view = zone.view(addressKey('10.1.0.2' as Address), 'web')
    if (view === undefined) throw new Error('the sample zone has no view')
    const answerFast = createFastPath(zone)
    const random = chance(Number(process.env['TSNET_FUZZ_SEED'] ?? 1))
    const out = Buffer.alloc(512)
    const began = performance.now()
    const seen = { understood: 0, fast: 0, errors: 0, dropped: 0 }
    for (let i = 0; i < packets; i++) {
      const sound = random(3) === 0 ? withEdns(question(random), random(5000)) : question(random)
      const message = damage(sound, random)
      const fast = answerFast(view, message, out)
      normaliseReply(message)
      const outcome = await chain(message, view, random(2) === 0 ? 'udp' : 'tcp')
      if (message.length < 12 || ((message[2] as number) & 0x80) !== 0) {
        if (fast !== 0 || outcome !== undefined) throw new Error(`a reply to ${message.toString('hex')}`)
        seen.dropped++
        continue
      }
      if (outcome === undefined) throw new Error(`no reply to ${message.toString('hex')}`)
      const { reply } = outcome
      if (!reply.subarray(0, 2).equals(message.subarray(0, 2)) || ((reply[2] as number) & 0x80) === 0) {
        throw new Error(`no reply of ours: ${reply.toString('hex')} to ${message.toString('hex')}`)
      }
      if (fast > 0) seen.fast++
      const reading = readQuery(message)
      if (reading !== 'drop' && !('rcode' in reading)) seen.understood++
      else if (reply.length > message.length) throw new Error(`amplified: ${message.toString('hex')}`)
      else seen.errors++
    }
    const seconds = Math.round((performance.now() - began) / 1000)
    if (packets >= 1_000_000) console.info(`${packets} packets in ${seconds} s:`, seen)
    expect(seen.understood / packets).toBeGreaterThan(1 / 3)
  })
})

/** Up to three small wounds; sometimes none. */
function damage(sound: Buffer, random: (below: number) => number): Buffer {
  let message = Buffer.from(sound)
  for (let wounds = random(4) === 0 ? random(4) : random(2); wounds > 0; wounds--) {
    const at = random(message.length)
    switch (random(6)) {
      case 0:
        message[at] = random(256)
        break
      case 1:
        message[at] = (message[at] as number) ^ (1 << random(8))
        break
      case 2:
        message = message.subarray(0, at)
        break
      case 3:
        message = Buffer.concat([message, Buffer.from(Array.from({ length: random(40) }, () => random(256)))])
        break
      case 4:
        // Pointers, to themselves and elsewhere.
        if (message.length > 14) message.writeUInt16BE(0xc000 | random(300), 12 + random(message.length - 13))
        break
      default:
        if (message.length > 12) message[4 + random(8)] = random(4)
    }
    if (message.length === 0) return message
  }
  return message
}
