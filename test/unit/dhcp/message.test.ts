/**
 * DHCP messages and options as bytes.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { decodeDatagram, encodeDatagram } from '../../../lib/dhcp/datagram.ts'
import { decodeMessage, encodeMessage, type Message } from '../../../lib/dhcp/message.ts'
import { leaseOf, optionNumber } from '../../../lib/dhcp/options.ts'
import type { Address } from '../../../lib/model/address.ts'
import { answer } from './server.ts'

const bytes = (text: string): Buffer => Buffer.from(text.replaceAll(/[^0-9a-f]/g, ''), 'hex')

const asking: Message = {
  type: 'discover',
  xid: 0x12345678,
  seconds: 3,
  broadcast: true,
  mac: bytes('02 00 00 00 00 01'),
  options: new Map([[55, bytes('01 03 79')]]),
}

describe('a question', () => {
  it('is laid out as RFC 2131 says, and never shorter than relays take', () => {
    const encoded = encodeMessage(asking)
    expect(encoded.length).toBe(300)
    expect(encoded.subarray(0, 12).toString('hex')).toBe('010106001234567800038000')
    expect(encoded.subarray(28, 34).toString('hex')).toBe('020000000001')
    expect(encoded.subarray(236, 250).toString('hex')).toBe('638253633501013703010379ff00')
  })

  it('splits values over 255 bytes into several options', () => {
    const encoded = encodeMessage({ ...asking, options: new Map([[77, Buffer.alloc(300, 7)]]) })
    expect(encoded.subarray(243, 245).toString('hex')).toBe('4dff')
    expect(encoded.subarray(500, 502).toString('hex')).toBe('4d2d')
  })

  it('travels as UDP with right checksums', () => {
    const packet = encodeDatagram({ to: '255.255.255.255' as Address, payload: Buffer.from('x') })
    // From 0.0.0.0 port 68 to everybody's port 67, nine bytes of UDP.
    expect(packet.subarray(12, 26).toString('hex')).toBe('00000000ffffffff004400430009')
    const sum = (from: number, to: number, start = 0): number => {
      let total = start
      for (let at = from; at < to; at += 2) total += packet.readUInt8(at) * 256 + (packet[at + 1] ?? 0)
      while (total > 0xffff) total = (total & 0xffff) + Math.floor(total / 65_536)
      return total
    }
    expect(sum(0, 20)).toBe(0xffff)
    // The pseudo header: addresses, protocol 17, length 9.
    expect(sum(20, packet.length, sum(12, 20) + 17 + 9)).toBe(0xffff)
  })
})

describe('an answer', () => {
  const lease = (options: Record<number, string>): unknown =>
    leaseOf(decodeMessage(answer({ type: 'ack', options })) as Message)

  it('is a lease', () => {
    expect(
      lease({
        3: 'c6336402',
        6: 'c6336407c6336408',
        15: Buffer.from('example.test\0').toString('hex'),
        26: '0578',
        58: '0000000a',
        59: '00000014',
      }),
    ).toEqual({
      address: '198.51.100.50/24',
      server: '198.51.100.2',
      gateway: '198.51.100.2',
      routes: [{ to: '0.0.0.0/0', via: '198.51.100.2' }],
      nameServers: ['198.51.100.7', '198.51.100.8'],
      domain: 'example.test',
      search: [],
      mtu: 1400,
      seconds: 120,
      renewSeconds: 10,
      rebindSeconds: 20,
    })
  })

  it('is renewed at half and at seven eighths of its time where the server does not say, and may be for ever', () => {
    expect(lease({})).toMatchObject({ seconds: 120, renewSeconds: 60, rebindSeconds: 105 })
    expect(lease({ 51: 'ffffffff' })).not.toHaveProperty('seconds')
  })

  it.each<[what: string, options: Record<number, string>, times: readonly [renew: number, rebind: number]]>([
    ['the first after the end', { 58: '00000258' }, [60, 105]],
    ['the second after the end', { 59: '00000258' }, [60, 105]],
    ['the first after the second', { 58: '00000064', 59: '00000050' }, [60, 80]],
    ['the second before half of it', { 59: '00000014' }, [20, 20]],
    ['none at all', { 58: '00000000', 59: '00000000' }, [60, 105]],
  ])('is renewed within its time whatever the server says: %s', (_, options, [renew, rebind]) => {
    expect(lease(options)).toMatchObject({ seconds: 120, renewSeconds: renew, rebindSeconds: rebind })
  })

  it.each<[what: string, options: Record<number, string>, routes: unknown]>([
    [
      'static routes by class, and the router',
      { 3: 'c6336402', 33: '0a010000c6336409c0000200c6336409' },
      [
        { to: '10.1.0.0/8', via: '198.51.100.9' },
        { to: '192.0.2.0/24', via: '198.51.100.9' },
        { to: '0.0.0.0/0', via: '198.51.100.2' },
      ],
    ],
    [
      'classless ones, which stand for all others',
      { 3: 'c6336402', 33: '0a010000c6336409', 121: '18c00002c6336409 00c6336401 20cb007101 00000000' },
      [
        { to: '192.0.2.0/24', via: '198.51.100.9' },
        { to: '0.0.0.0/0', via: '198.51.100.1' },
        { to: '203.0.113.1/32' },
      ],
    ],
  ])('has routes: %s', (_, options, routes) => {
    expect(lease(options)).toMatchObject({ routes })
  })

  it('has search domains, with pointers into each other', () => {
    const names = '0161 076578616d706c65 0474657374 00 0162 c002'
    expect(lease({ 119: names })).toMatchObject({ search: ['a.example.test', 'b.example.test'] })
    // A pointer to itself ends the list.
    expect(lease({ 119: 'c000' })).toMatchObject({ search: [] })
  })

  it('is found also where options hide in the fields for names', () => {
    const plain = answer({ type: 'ack', options: { 52: '01' } })
    bytes('0f 04 74657374 ff').copy(plain, 108)
    expect(leaseOf(decodeMessage(plain) as Message)).toMatchObject({ domain: 'test' })
  })

  it.each<[what: string, message: Buffer]>([
    ['a question', encodeMessage(asking)],
    ['one without a type', answer({ type: 'ack', options: { 53: '' } })],
    ['one that is cut off', answer({ type: 'ack', options: {} }).subarray(0, 200)],
    [
      'an option that goes on behind the end',
      Buffer.concat([answer({ type: 'ack', options: {} }).subarray(0, 240), bytes('35 20 05')]),
    ],
  ])('is not %s', (_, message) => {
    expect(decodeMessage(message)).toBeUndefined()
  })

  it.each([1, 51, 54])('without option %i gives no lease', (missing) => {
    expect(lease({ [missing]: '' })).toBeUndefined()
  })

  it('is read out of whole packets to the client port, and out of no others', () => {
    const packet = encodeDatagram({
      from: '198.51.100.2' as Address,
      to: '198.51.100.50' as Address,
      payload: Buffer.from('hello'),
    })
    expect(decodeDatagram(packet)).toBeUndefined()
    packet.writeUInt16BE(67, 20)
    packet.writeUInt16BE(68, 22)
    expect(decodeDatagram(packet)).toEqual({
      from: '198.51.100.2',
      to: '198.51.100.50',
      payload: Buffer.from('hello'),
    })
    expect(decodeDatagram(packet.subarray(0, 30))).toBeUndefined()
  })
})

describe('names of options', () => {
  it.each([
    ['host-name', 12],
    ['routers', 3],
    ['77', 77],
    ['0', undefined],
    ['255', undefined],
    ['nonsense', undefined],
  ])('%s is %s', (text, number) => {
    expect(optionNumber(text)).toBe(number)
  })
})
