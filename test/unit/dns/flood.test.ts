/**
 * One asker's questions that nobody answers, and everybody else's.
 *
 * @module
 */
import { expect, it } from 'vitest'
import { createForwarder } from '../../../lib/dns/forward.ts'
import { keyOf, PLAIN_UDP_BYTES, readQuery } from '../../../lib/dns/wire.ts'
import { addressKey } from '../../../lib/dns/zone.ts'
import type { View } from '../../../lib/dns/zone-lookup.ts'
import type { Address } from '../../../lib/model/address.ts'
import { sampleZone } from './corpus.ts'

const server = '192.0.2.53' as Address
const zone = sampleZone()

function viewOf(address: string): View {
  const view = zone.view(addressKey(address as Address), 'web')
  if (view === undefined) throw new Error(`${address} is no asker of the sample zone`)
  return view
}

const asked = (name: string, view: View) => {
  const message = Buffer.concat([
    Buffer.from('000101000001000000000000', 'hex'),
    Buffer.from(keyOf(name) as string, 'latin1'),
    Buffer.from([0, 1, 0, 1]),
  ])
  const read = readQuery(message)
  if (read === 'drop' || 'rcode' in read) throw new Error(`${name} is no question`)
  return { message, query: read.query, view, limit: PLAIN_UDP_BYTES }
}

/** The question as an answer without records; for names that begin with `flood` none comes until the end. */
function startServer() {
  const waiting = new Set<() => void>()
  let over = false
  return {
    end: () => {
      over = true
      for (const giveUp of waiting) giveUp()
    },
    upstreams: {
      askUdp: async (_server: Address, message: Buffer): Promise<Buffer | undefined> => {
        if (message.includes('flood')) {
          if (!over) await new Promise<void>((resolve) => waiting.add(resolve))
          return undefined
        }
        const reply = Buffer.from(message)
        reply[2] = (reply[2] as number) | 0x80
        return reply
      },
      askTcp: async () => undefined,
      close: () => undefined,
    },
  }
}

it('a container that asks for names nobody answers uses up its own share, and no other’s', async () => {
  const { upstreams, end } = startServer()
  const forwarder = createForwarder({
    upstreams,
    hostServers: () => [server],
    routes: () => [],
    own: () => false,
  })
  const [mallory, alice] = [viewOf('10.1.0.2'), viewOf('10.1.0.3')]
  // All in one turn: none can have been given up before the last is asked.
  const flood = Array.from({ length: 6000 }, (_, i) => forwarder.resolve(asked(`flood${i}.test`, mallory)))
  expect(forwarder.outstanding).toBe(5000)
  // What is too much is refused at once.
  expect(await Promise.all(flood.slice(5000))).toEqual(Array.from({ length: 1000 }))
  expect(await forwarder.resolve(asked('www.example.test', mallory))).toBeUndefined()
  const answer = await forwarder.resolve(asked('www.example.test', alice))
  expect(answer?.why).toBe(`${server} (the host's resolvers), asked now`)
  expect(forwarder.outstanding).toBe(5000)
  end()
  expect(new Set(await Promise.all(flood))).toEqual(new Set([undefined]))
  expect(forwarder.outstanding).toBe(0)
  // Its share is its own again.
  expect(await forwarder.resolve(asked('mail.example.test', mallory))).toBeDefined()
})
