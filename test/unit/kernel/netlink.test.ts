/**
 * Netlink messages as bytes. Addresses and routes are, but for the sequence
 * number and the wish for an answer, what `ip` of iproute2 6.1 sends (strace).
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { addrAdd } from '../../../lib/kernel/netlink/addr.ts'
import {
  decodeAttributes,
  decodeMessages,
  decodeText,
  encodeBatch,
  type Message,
} from '../../../lib/kernel/netlink/encode.ts'
import { bridgePortSet, decodeLinks, vethAdd } from '../../../lib/kernel/netlink/link.ts'
import { decodeRoutes, routeAdd } from '../../../lib/kernel/netlink/route.ts'
import type { VethStep } from '../../../lib/plan/step.ts'

/** Four bytes a word, eight words a line. */
function hex(messages: readonly Message[]): string {
  const words =
    encodeBatch(messages, 1)
      .toString('hex')
      .match(/.{1,8}/g) ?? []
  return words.map((word, nth) => word + (nth % 8 === 7 ? '\n' : ' ')).join('')
}

const veth: VethStep = {
  kind: 'veth',
  where: 'host',
  name: 'web-1',
  mac: 'fe:42:0a:59:00:02' as never,
  mtuBytes: 1500,
  alias: 'tsnet:web/eth0',
  bridge: 'tsnet0',
  peer: { name: 'eth0', mac: '02:42:0a:59:00:02' as never },
}

describe('a message', () => {
  it('makes a veth pair with its peer in another namespace', () => {
    expect(hex([vethAdd(veth, { bridgeIndex: 7, netns: 33 })])).toMatchInlineSnapshot(`
      "98000000 10000106 01000000 00000000 00000000 00000000 01000000 01000000
      0a000300 7765622d 31000000 0a000100 fe420a59 00020000 08000400 dc050000
      08000a00 07000000 50001200 09000100 76657468 00000000 40000200 3c000100
      00000000 00000000 00000000 00000000 09000300 65746830 00000000 0a000100
      02420a59 00020000 08000400 dc050000 08001c00 21000000 "
    `)
  })

  it('sets the flags of a bridge port by name', () => {
    const step = { kind: 'bridgePort', where: 'host', name: 'web-1', hairpin: true, isolated: false } as const
    expect(hex([bridgePortSet(step)])).toMatchInlineSnapshot(`
      "44000000 10000100 01000000 00000000 00000000 00000000 00000000 00000000
      0a000300 7765622d 31000000 18001200 14000500 05000400 01000000 05002100
      00000000 "
    `)
  })

  it('adds an IPv4 address with its broadcast address and an IPv6 address without duplicate detection', () => {
    expect(hex([addrAdd(2, '10.89.0.2/24' as never)])).toMatchInlineSnapshot(`
      "30000000 14000106 01000000 00000000 02180000 02000000 08000200 0a590002
      08000100 0a590002 08000400 0a5900ff "
    `)
    expect(hex([addrAdd(2, '10.89.0.2/31' as never)])).toMatchInlineSnapshot(`
      "28000000 14000106 01000000 00000000 021f0000 02000000 08000200 0a590002
      08000100 0a590002 "
    `)
    expect(hex([addrAdd(2, 'fd00:1::2/64' as never)])).toMatchInlineSnapshot(`
      "40000000 14000106 01000000 00000000 0a400200 02000000 14000200 fd000001
      00000000 00000000 00000002 14000100 fd000001 00000000 00000000 00000002
      "
    `)
  })

  it('adds a default route', () => {
    const route = { kind: 'route', where: 'sandbox', to: '0.0.0.0/0', via: '10.89.0.1', dev: 'eth0' } as never
    expect(hex([routeAdd(route, 2)])).toMatchInlineSnapshot(`
      "2c000000 18000106 01000000 00000000 02000000 fe030001 00000000 08000500
      0a590001 08000400 02000000 "
    `)
  })
})

describe('a batch', () => {
  it('numbers its messages in order and comes back as it was', () => {
    const messages = [1, 2, 3].map((nth) => addrAdd(nth, '10.0.0.1/24' as never))
    const received = decodeMessages(encodeBatch(messages, 41))
    expect(received.map(({ seq, type, payload }) => [seq, type, payload.readUInt32LE(4)])).toEqual([
      [41, 20, 1],
      [42, 20, 2],
      [43, 20, 3],
    ])
  })
})

describe('decoding', () => {
  it('reads back what was encoded, nested attributes too', () => {
    const [message] = decodeMessages(encodeBatch([vethAdd(veth, { bridgeIndex: 7, netns: 33 })], 1))
    expect(decodeLinks(message === undefined ? [] : [message])).toEqual([
      {
        index: 0,
        name: 'web-1',
        kind: 'veth',
        mac: 'fe:42:0a:59:00:02',
        mtuBytes: 1500,
        up: true,
        master: 7,
        alias: undefined,
        group: 0,
        ipv6Off: undefined,
        hairpin: false,
        isolated: false,
      },
    ])
    const route = {
      kind: 'route',
      where: 'host',
      to: 'fd00:2::/64',
      via: 'fd00:1::1',
      dev: 'x',
      metric: 9,
    } as never
    expect(decodeRoutes(decodeMessages(encodeBatch([routeAdd(route, 4)], 1)))).toEqual([
      { to: 'fd00:2::/64', via: 'fd00:1::1', out: 4, metric: 9, source: undefined, mtuBytes: undefined },
    ])
  })

  it('stops at bytes that are cut off or claim more than there is', () => {
    const whole = encodeBatch([addrAdd(1, '10.0.0.1/24' as never)], 1)
    for (let length = 0; length < whole.length; length++) {
      expect(decodeMessages(whole.subarray(0, length))).toEqual([])
      decodeAttributes(whole.subarray(0, length), 24)
    }
    const claims = decodeAttributes(Buffer.from([2, 0, 1, 0, 255, 0, 1, 0]), 0)
    expect([claims.has(1), claims.get(1)]).toEqual([false, undefined])
    expect([decodeText(Buffer.from('a\0b')), decodeText(Buffer.from('ab')), decodeText(undefined)]).toEqual([
      'a',
      'ab',
      undefined,
    ])
  })
})
