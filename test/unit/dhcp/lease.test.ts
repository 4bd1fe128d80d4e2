/**
 * One lease that its keeper cannot renew at once: the kernel refuses a socket or
 * a packet for a while, or what the lease is for is gone.
 *
 * @module
 */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { encodeDatagram } from '../../../lib/dhcp/datagram.ts'
import { decodeMessage } from '../../../lib/dhcp/message.ts'
import { type Lease, leaseOf } from '../../../lib/dhcp/options.ts'
import { LeaseKeeper } from '../../../lib/engine/dhcp/lease.ts'
import { fail } from '../../../lib/errors/codes.ts'
import type { PacketLink } from '../../../lib/kernel/packets/packetlink.ts'
import type { Address } from '../../../lib/model/address.ts'
import { answer } from './server.ts'

const order = {
  ...{ network: 'lan', container: 'web', ifname: 'eth0', netns: '/run/netns/web' },
  ...{ clientId: '00', wanted: [], provided: [] },
}
const sandbox = { cookie: '1', bootId: 'boot' }
const patience = { broadcast: false, firstPauseMs: 10, longestPauseMs: 10, limitMs: 1000 }
const second = 1000

let refusal: { readonly at: 'open' | 'send'; readonly error: Error } | undefined
let told: string[]
let down: boolean
let sent: number
/** Until it is over, no socket is opened. */
let opening: Promise<void> | undefined
let keeper: LeaseKeeper

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'hrtime'] })
  refusal = undefined
  told = []
  down = false
  sent = 0
  opening = undefined
  keeper = new LeaseKeeper(
    order,
    patience,
    {
      kept: () => void told.push('kept'),
      hindered: (why) => void told.push(`hindered: ${why}`),
      lost: (_, why) => void told.push(`lost: ${why}`),
    },
    {
      open: async () => {
        await opening
        if (refusal?.at === 'open') throw refusal.error
        return link()
      },
      setDown: async () => {
        down = true
      },
    },
  )
})

afterEach(() => {
  keeper.stop()
  vi.useRealTimers()
})

/** Acknowledges every request. */
function link(): PacketLink {
  const answers: Buffer[] = []
  return {
    sandbox,
    mac: Buffer.from('020000000001', 'hex'),
    send: (packet) => {
      if (refusal?.at === 'send') throw refusal.error
      sent++
      // Behind IPv4 and UDP.
      const xid = packet.readUInt32BE(28 + 4)
      answers.push(answer({ type: 'ack', xid }))
    },
    receive: () => {
      const payload = answers.shift()
      return payload && { packet: fromServer(payload), from: Buffer.from('020000000002', 'hex') }
    },
    close: () => undefined,
  }
}

function fromServer(payload: Buffer): Buffer {
  const packet = encodeDatagram({ to: '198.51.100.50' as Address, payload })
  packet.writeUInt16BE(67, 20)
  packet.writeUInt16BE(68, 22)
  return packet
}

/** Two minutes, asked for now. */
const lease = (): { lease: Lease; leasedMs: number } => ({
  lease: leaseOf(
    decodeMessage(answer({ type: 'ack' })) as NonNullable<ReturnType<typeof decodeMessage>>,
  ) as Lease,
  leasedMs: Number(process.hrtime.bigint() / 1_000_000n),
})

const resume = (): Promise<void> => keeper.resume({ order, sandbox, ...lease() })

describe('a lease', () => {
  it.each([
    ['no descriptor is left', 'open', 'EMFILE'],
    ['there is no room for a packet', 'send', 'ENOBUFS'],
    ['the interface is down', 'send', 'ENETDOWN'],
  ] as const)('is renewed later where %s', async (_, at, errno) => {
    refusal = { at, error: new Error(errno) }
    await resume()
    await vi.advanceTimersByTimeAsync(50 * second)
    expect(told).toEqual([`hindered: ${errno}`])
    refusal = undefined
    await vi.advanceTimersByTimeAsync(20 * second)
    expect(told).toEqual([`hindered: ${errno}`, 'kept'])
    // And from then on as if nothing had been.
    await vi.advanceTimersByTimeAsync(60 * second)
    expect(told.slice(1)).toEqual(['kept', 'kept'])
  })

  it('that is stopped while its socket is being opened asks for nothing, and tells nobody', async () => {
    let opened = (): void => undefined
    opening = new Promise((resolve) => {
      opened = resolve
    })
    const resumed = resume()
    await vi.advanceTimersByTimeAsync(0)
    keeper.stop()
    opened()
    await resumed
    await vi.advanceTimersByTimeAsync(200 * second)
    expect({ told, sent, down, lease: keeper.lease }).toEqual({
      told: [],
      sent: 0,
      down: false,
      lease: undefined,
    })
  })

  it('that is asked for anew is refused to who waits for it at once', async () => {
    opening = new Promise(() => undefined)
    const refused = expect(keeper.acquire()).rejects.toThrow('it was asked for anew')
    await vi.advanceTimersByTimeAsync(0)
    keeper.stop()
    opening = undefined
    await refused
  })

  it('ends with its time where that goes on, and its interface goes down', async () => {
    refusal = { at: 'open', error: new Error('EMFILE') }
    await resume()
    await vi.advanceTimersByTimeAsync(119 * second)
    expect(told.filter((one) => one !== 'hindered: EMFILE')).toEqual([])
    // Not every few milliseconds, and not once a minute only.
    expect(told.length).toBeGreaterThan(4)
    expect(told.length).toBeLessThan(20)
    expect(down).toBe(false)
    await vi.advanceTimersByTimeAsync(2 * second)
    expect(told.at(-1)).toBe('lost: its time is over, or the server wants it back')
    expect(down).toBe(true)
  })

  it.each([
    ['namespace', fail('TSNET_NOT_A_NETNS', { message: 'no such process or namespace' })],
    ['interface', fail('TSNET_BAD_VALUE', { message: 'there is no eth0' })],
  ])('ends at once where its %s is gone', async (_, error) => {
    refusal = { at: 'open', error }
    await resume()
    expect(told).toEqual([`lost: ${error.message}`])
  })

  it('that is for ever is kept by the next keeper without a question, or a timer', async () => {
    const { seconds: _, ...forEver } = lease().lease
    await keeper.resume({ order, sandbox, lease: forEver, leasedMs: 0 })
    expect(keeper.lease).toEqual(forEver)
    expect(vi.getTimerCount()).toBe(0)
  })
})
