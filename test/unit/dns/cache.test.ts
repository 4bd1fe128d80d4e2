/**
 * What is kept of other servers' answers, and how it is handed out.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { createCache } from '../../../lib/dns/cache.ts'
import { renderReply } from '../../../lib/dns/render.ts'
import { normaliseReply, onwardQuery, replyFor, type UpstreamReply } from '../../../lib/dns/reply.ts'
import { keyOf, readQuery } from '../../../lib/dns/wire.ts'
import { withEdns } from './corpus.ts'

const ask = (name: string): Buffer =>
  Buffer.concat([
    Buffer.from([0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
    Buffer.from(keyOf(name) as string, 'latin1'),
    Buffer.from([0, 1, 0, 1]),
  ])

/** One A record with that TTL, and an OPT record behind it. */
function upstream(name: string, ttl: number): Buffer {
  const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, ttl, 0, 4, 192, 0, 2, 1])
  const message = withEdns(Buffer.concat([ask(name), record]), 1400)
  message[2] = 0x81
  message[3] = 0x80
  message.writeUInt16BE(1, 6)
  return message
}

const kept = (name: string, ttl: number): UpstreamReply =>
  normaliseReply(upstream(name, ttl)) as UpstreamReply

describe('the cache', () => {
  it('keeps an answer for its TTL, stale for a day more, then not at all', () => {
    const cache = createCache({ entries: 10, bytes: 100_000 })
    cache.put('a', { reply: kept('a.test', 60), server: '192.0.2.53', storedAt: 1000 })
    const look = (atMs: number): boolean | undefined => cache.get('a', atMs)?.fresh
    expect([look(1000), look(60_999), look(61_000), look(86_400_000 + 60_999)]).toEqual([
      true,
      true,
      false,
      false,
    ])
    expect([look(86_400_000 + 61_000), cache.size, cache.bytes]).toEqual([undefined, 0, 0])
  })

  it('forgets first what was used longest ago, by entries and by bytes', () => {
    const small = createCache({ entries: 2, bytes: 100_000 })
    for (const key of ['a', 'b']) small.put(key, { reply: kept('x.test', 60), server: '', storedAt: 0 })
    small.get('a', 1)
    small.put('c', { reply: kept('x.test', 60), server: '', storedAt: 0 })
    expect(['a', 'b', 'c'].map((key) => small.get(key, 1) !== undefined)).toEqual([true, false, true])
    const tight = createCache({ entries: 1000, bytes: 2000 })
    for (let i = 0; i < 100; i++) tight.put(`k${i}`, { reply: kept('x.test', 60), server: '', storedAt: 0 })
    expect(tight.bytes).toBeLessThanOrEqual(2000)
    expect(tight.get('k99', 1)).toBeDefined()
  })
})

describe('a reply of another server', () => {
  it('goes to each client with its id, its spelling, what is left of the TTL, and OPT where it spoke EDNS', () => {
    const reply = kept('www.test', 60)
    expect(reply).toMatchObject({ rcode: 0, truncated: false, keepSeconds: 60 })
    const message = Buffer.from(ask('www.test'))
    message.write('WwW', 13, 'latin1')
    const plain = readQuery(message)
    const edns = readQuery(withEdns(message, 4096))
    if (plain === 'drop' || !('query' in plain) || edns === 'drop' || !('query' in edns))
      throw new Error('no queries')
    const first = replyFor({ message, query: plain.query as never, limit: 512 }, reply, { gone: 25 })
    expect(renderReply(first)).toEqual({
      status: 'NOERROR',
      flags: 'qr rd ra',
      answers: [{ name: 'WwW.test.', ttlSeconds: 35, type: 'A', data: '192.0.2.1' }],
    })
    expect([first.readUInt16BE(0), first.readUInt16BE(10), first.length]).toEqual([0x1234, 0, 42])
    const second = replyFor({ message, query: edns.query as never, limit: 1232 }, reply, { stale: 30 })
    expect(renderReply(second).answers[0]?.ttlSeconds).toBe(30)
    expect([second.readUInt16BE(10), second.length]).toEqual([1, 53])
  })

  it('is not trusted where it is malformed, and asked for without options of the client', () => {
    const whole = upstream('www.test', 60)
    for (let end = 13; end < whole.length - 11; end++)
      expect(normaliseReply(whole.subarray(0, end))).toBeUndefined()
    const cookie = Buffer.concat([
      ask('www.test'),
      Buffer.from([0, 0, 41, 16, 0, 0, 0, 128, 0, 0, 12, 0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8]),
    ])
    cookie.writeUInt16BE(1, 10)
    const reading = readQuery(cookie)
    if (reading === 'drop' || reading.query === undefined) throw new Error('no query')
    expect(onwardQuery(cookie, reading.query, { edns: true }).subarray(26).toString('hex')).toBe(
      '000029' + '04d0' + '00008000' + '0000',
    )
  })
})
