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
import { PLAIN_UDP_BYTES, RCODE } from '../../../lib/dns/wire.ts'
import { addressKey, type Zone } from '../../../lib/dns/zone.ts'
import { createFastPath } from '../../../lib/dns/zone-fast.ts'
import type { View } from '../../../lib/dns/zone-lookup.ts'
import type { Address } from '../../../lib/model/address.ts'
import { askers, type Chance, chance, question, sampleZone, withEdns } from './corpus.ts'

/** `npm run test:fuzz` asks more. */
const questions = Number(process.env['TSNET_FUZZ_QUESTIONS'] ?? 20_000)

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

/** Extra records as clients send them: none, EDNS of many sizes, DO, a cookie, and a few that are wrong. */
function dressed(message: Buffer, random: Chance): Buffer {
  const sizes = [0, 511, 512, 600, 1232, 4096]
  const withOpt = (flags = 0): Buffer => withEdns(message, sizes[random(sizes.length)] as number, flags)
  switch (random(8)) {
    case 0:
    case 1:
    case 2:
      return message
    case 3:
      return withOpt(0x8000)
    case 4: {
      const cookie = Buffer.concat([withOpt(), Buffer.from([0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8])])
      cookie.writeUInt16BE(12, cookie.length - 14)
      return random(5) === 0 ? cookie.subarray(0, -random(12)) : cookie
    }
    case 5: {
      const versionOne = withOpt()
      versionOne[versionOne.length - 5] = random(2)
      return versionOne
    }
    default:
      return withOpt()
  }
}

/** A container comes, moves or goes: what is remembered must not outlive it. */
function change(zone: Zone, random: Chance): void {
  const id = `late${random(3)}`
  if (random(3) === 0) zone.dropContainer(id)
  else {
    const addresses = [`10.1.0.${200 + random(20)}` as Address]
    const aliases = random(2) === 0 ? ['all', 'lone'] : ['nosuch']
    zone.putContainer({ id, names: [id, 'www'], endpoints: [{ network: 'web', addresses, aliases }] })
  }
}

describe('the two paths', () => {
  it(`answer ${questions} generated questions alike, wherever the fast path answers at all, while names change`, {
    timeout: 600_000,
  }, async () => {
    const zone = sampleZone()
    const chain = createChain([
      names,
      reverse(zone),
      () => denial(RCODE.REFUSED, '\0', 'stands in for forwarding'),
    ])
    const answerFast = createFastPath(zone)
    const random = chance(Number(process.env['TSNET_FUZZ_SEED'] ?? 3))
    const out = Buffer.alloc(PLAIN_UDP_BYTES)
    const seen = { fast: 0, edns: 0, missing: 0, several: 0 }
    for (let i = 0; i < questions; i++) {
      if (random(300) === 0) change(zone, random)
      const message = dressed(question(random), random)
      const asker = askers[random(askers.length)] as Address
      const view = zone.view(addressKey(asker), asker.startsWith('10.2') ? 'back' : 'web')
      if (view === undefined) throw new Error(`no view for ${asker}`)
      const length = answerFast(view, message, out)
      if (length === 0) continue
      const fast = out.subarray(0, length)
      const full = (await chain(message, view, 'udp'))?.reply as Buffer
      expect(meaning(fast)).toEqual(meaning(full))
      // What needs no cutting is the same over TCP.
      expect(meaning((await chain(message, view, 'tcp'))?.reply as Buffer)).toEqual(meaning(full))
      expect(fast.subarray(0, 2)).toEqual(message.subarray(0, 2))
      seen.fast++
      seen.edns += fast[11] as number
      seen.missing += ((fast[3] as number) & 15) === RCODE.NXDOMAIN ? 1 : 0
      seen.several += (fast[7] as number) > 1 ? 1 : 0
    }
    if (questions >= 200_000) console.info(`${questions} questions:`, seen)
    // Else the corpus would miss what it is for.
    expect(Math.min(seen.fast / 2, seen.edns * 1.5, seen.missing * 6, seen.several * 12)).toBeGreaterThan(
      questions / 6,
    )
  })

  it('let each of several addresses be the first in turn, in what is remembered too', () => {
    const zone = sampleZone()
    const answerFast = createFastPath(zone)
    const view = zone.view(addressKey('10.1.0.2' as Address), 'web') as View
    const out = Buffer.alloc(PLAIN_UDP_BYTES)
    const message = Buffer.concat([
      Buffer.from([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
      Buffer.from('\x03all\x00\x00\x01\x00\x01', 'latin1'),
    ])
    const order = (): string => {
      const { answers } = dns2.Packet.parse(out.subarray(0, answerFast(view, message, out)))
      return answers.map((answer) => String((answer as { address?: string }).address).slice(7)).join(' ')
    }
    expect([order(), order(), order(), order()]).toEqual(['2 3', '3 2', '2 3', '3 2'])
    zone.putContainer({
      id: 'new',
      names: ['new'],
      endpoints: [{ network: 'web', addresses: ['10.1.0.9' as Address], aliases: ['all'] }],
    })
    expect([order(), order(), order()].sort()).toEqual(['2 3 9', '3 9 2', '9 2 3'])
  })
})
