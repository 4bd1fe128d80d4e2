/**
 * The DHCP client without clock and socket.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import {
  begin,
  type ClientSettings,
  type Machine,
  receive,
  release,
  resume,
  type Turn,
  wake,
} from '../../../lib/dhcp/machine.ts'
import { decodeMessage, type Message } from '../../../lib/dhcp/message.ts'
import type { Lease } from '../../../lib/dhcp/options.ts'
import { answer } from './server.ts'

const settings: ClientSettings = {
  mac: Buffer.from('020000000001', 'hex'),
  clientId: Buffer.from('00aa', 'hex'),
  wanted: [1, 3],
  provided: new Map([[12, Buffer.from('web')]]),
  broadcast: false,
  firstPauseMs: 2000,
  longestPauseMs: 10_000,
}

/** In the middle: pauses are what they are called. */
const at = (nowMs: number): { nowMs: number; random: number } => ({ nowMs, random: 0.5 })
const hears = (
  machine: Machine,
  type: 'offer' | 'ack' | 'nak',
  nowMs: number,
  options: Parameters<typeof answer>[0] | object = {},
): Turn =>
  receive(
    settings,
    machine,
    decodeMessage(answer({ type, xid: machine.xid, ...options })) as Message,
    at(nowMs),
  )

/** What a turn sends, as words. */
function said({ send }: Turn): string {
  if (send === undefined) return 'nothing'
  const { message, to } = send
  const options = [...message.options].map(([number, value]) => `${number}=${value.toString('hex')}`)
  return [message.type, `to ${to}`, message.clientAddress ?? '-', ...options].join(' ')
}

function bound(nowMs = 0): Machine {
  const offered = hears(begin(settings, at(nowMs)).machine, 'offer', nowMs)
  return hears(offered.machine, 'ack', nowMs).machine
}

describe('a client', () => {
  it('discovers, takes the first offer, and is bound by its acknowledgement', () => {
    const first = begin(settings, at(0))
    expect(said(first)).toBe('discover to everybody - 61=00aa 57=05c0 55=0103 12=776562')
    const second = hears(first.machine, 'offer', 10)
    expect(said(second)).toBe(
      'request to everybody - 61=00aa 57=05c0 55=0103 12=776562 50=c6336432 54=c6336402',
    )
    const third = hears(second.machine, 'ack', 20)
    expect(said(third)).toBe('nothing')
    expect(third.machine).toMatchObject({
      phase: 'bound',
      lease: { address: '198.51.100.50/24' },
      // Counted from the request.
      wakeMs: 10 + 60_000,
    })
  })

  it('asks again with growing pauses, and tells since when it has been asking', () => {
    let turn = begin(settings, at(0))
    const pauses: number[] = []
    const seconds: number[] = []
    for (let nowMs = 0; pauses.length < 5; ) {
      const next = turn.machine.wakeMs as number
      pauses.push(next - nowMs)
      nowMs = next
      turn = wake(settings, turn.machine, at(nowMs))
      seconds.push(turn.send?.message.seconds ?? -1)
    }
    expect(pauses).toEqual([2000, 4000, 8000, 10_000, 10_000])
    expect(seconds).toEqual([2, 6, 14, 24, 34])
  })

  it('looks for another offer when its request is refused, or not answered', () => {
    const { machine } = hears(begin(settings, at(0)).machine, 'offer', 0)
    expect(said(hears(machine, 'nak', 5))).toMatch(/^discover/)
    let turn: Turn = { machine }
    const words: string[] = []
    for (let i = 0; i < 4; i++) {
      turn = wake(settings, turn.machine, at(turn.machine.wakeMs as number))
      words.push(said(turn).split(' ')[0] as string)
    }
    expect(words).toEqual(['request', 'request', 'request', 'discover'])
  })

  it('hears nobody but who answers it', () => {
    const { machine } = begin(settings, at(0))
    for (const other of [{ xid: machine.xid + 1 }, { mac: '020000000002' }])
      expect(hears(machine, 'offer', 1, other).machine).toBe(machine)
    expect(hears(machine, 'ack', 1).machine).toBe(machine)
    expect(hears(bound(), 'nak', 1).machine.phase).toBe('bound')
  })

  it('asks its own server from half of the time on, every server from seven eighths on, and ends with the lease', () => {
    const renewing = wake(settings, bound(), at(60_000))
    expect(said(renewing)).toBe('request to 198.51.100.2 198.51.100.50 61=00aa 57=05c0 55=0103 12=776562')
    const rebinding = wake(settings, renewing.machine, at(renewing.machine.wakeMs as number))
    expect(rebinding.machine).toMatchObject({ phase: 'rebinding', wakeMs: 120_000 })
    expect(said(rebinding)).toMatch(/^request to everybody 198\.51\.100\.50 /)
    expect(wake(settings, rebinding.machine, at(120_000)).machine.phase).toBe('lost')
  })

  it('counts the time anew when it is renewed, and is lost when it is refused or gets another address', () => {
    const { machine } = wake(settings, bound(), at(60_000))
    expect(hears(machine, 'ack', 60_050).machine).toMatchObject({ phase: 'bound', wakeMs: 120_050 })
    expect(hears(machine, 'nak', 60_050).machine.phase).toBe('lost')
    expect(hears(machine, 'ack', 60_050, { address: 'c6336433' }).machine.phase).toBe('lost')
  })

  it('never asks again for a lease that is for ever', () => {
    const offered = hears(begin(settings, at(0)).machine, 'offer', 0)
    const { machine } = hears(offered.machine, 'ack', 0, { options: { 51: 'ffffffff' } })
    expect(machine).not.toHaveProperty('wakeMs')
  })

  it('goes on with the lease of another process by asking for it', () => {
    const { lease } = bound() as Required<Pick<Machine, 'lease'>>
    const turn = wake(settings, resume({ lease, leasedMs: 0 }), at(30_000))
    expect(said(turn)).toMatch(/^request to 198\.51\.100\.2 198\.51\.100\.50 /)
    expect(hears(turn.machine, 'ack', 30_010).machine.phase).toBe('bound')
    expect(wake(settings, resume({ lease, leasedMs: 0 }), at(130_000)).machine.phase).toBe('lost')
  })

  it('never asks for one that is for ever, also where another process has got it', () => {
    const { seconds: _, ...lease } = bound().lease as Lease
    const turn = wake(settings, resume({ lease, leasedMs: 0 }), at(30_000))
    expect(said(turn)).toBe('nothing')
    expect(turn.machine.phase).toBe('bound')
    expect(turn.machine).not.toHaveProperty('wakeMs')
  })

  it('gives the address back', () => {
    expect(said(release(settings, bound(), at(5)))).toBe(
      'release to 198.51.100.2 198.51.100.50 61=00aa 54=c6336402',
    )
    expect(said(release(settings, begin(settings, at(0)).machine, at(5)))).toBe('nothing')
  })

  it('asks for broadcast answers only where it is told to', () => {
    expect(begin(settings, at(0)).send?.message.broadcast).toBe(false)
    expect(begin({ ...settings, broadcast: true }, at(0)).send?.message.broadcast).toBe(true)
  })
})
