/**
 * Questions and zones made by chance from a seed, for the tests that need many.
 *
 * @module
 */

import { keyOf, TYPE } from '../../../lib/dns/wire.ts'
import { createZone, type Zone } from '../../../lib/dns/zone.ts'
import { reverseKey } from '../../../lib/dns/zone-reverse.ts'
import type { Address, Cidr } from '../../../lib/model/address.ts'

export type Chance = (below: number) => number

/** Numbers from a seed: mulberry32. */
export function chance(seed: number): Chance {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4_294_967_296) * below)
  }
}

export const askers = ['10.1.0.2', '10.1.0.3', '10.2.0.2', 'fd01::2', '10.1.0.1', '10.1.0.77'] as const

/** Two networks and an internal one, names on one, on two, shared by many, of one family only. */
export function sampleZone(): Zone {
  const zone = createZone()
  const a = (text: string): Address => text as Address
  const c = (text: string): Cidr => text as Cidr
  zone.putNetwork({
    name: 'web',
    listen: [a('10.1.0.1'), a('fd01::1')],
    subnets: [c('10.1.0.0/24'), c('fd01::/64')],
    internal: false,
  })
  zone.putNetwork({
    name: 'back',
    listen: [a('10.2.0.1')],
    subnets: [c('10.2.0.0/24')],
    internal: false,
    domain: 'corp.test',
  })
  zone.putNetwork({ name: 'vault', listen: [a('10.3.0.1')], subnets: [c('10.3.0.0/24')], internal: true })
  const endpoint = (network: string, addresses: readonly string[], aliases: readonly string[] = []) => ({
    network,
    addresses: addresses.map(a),
    aliases,
  })
  zone.putContainer({
    id: 'c1',
    names: ['shop', 'Shop-Host', 'aaaaaaaaaaaa'],
    endpoints: [endpoint('web', ['10.1.0.2', 'fd01::2'], ['www', 'all'])],
    services: [
      { port: 80, protocol: 'tcp' },
      { port: 9999, protocol: 'udp' },
    ],
  })
  zone.putContainer({
    id: 'c2',
    names: ['db', 'bbbbbbbbbbbb'],
    endpoints: [endpoint('web', ['10.1.0.3'], ['all', 'sql.main']), endpoint('back', ['10.2.0.3'], ['all'])],
  })
  zone.putContainer({ id: 'c3', names: ['lone'], endpoints: [endpoint('back', ['10.2.0.2'], ['all'])] })
  zone.putContainer({ id: 'c4', names: ['safe'], endpoints: [endpoint('vault', ['10.3.0.2'])] })
  for (let i = 0; i < 40; i++) {
    zone.putContainer({
      id: `m${i}`,
      names: [`m${i}`],
      endpoints: [endpoint('web', [`10.1.0.${100 + i}`], ['many'])],
    })
  }
  return zone
}

const words = [
  'shop',
  'SHOP',
  'db',
  'Db',
  'lone',
  'safe',
  'www',
  'all',
  'many',
  'sql.main',
  'nosuch',
  'm7',
  'aaaaaaaaaaaa',
]
const tails = [
  '',
  '',
  '',
  '.web',
  '.back',
  '.vault',
  '.tsnet.internal',
  '.TSNET.internal',
  '.corp.test',
  '.web.tsnet.internal',
  '.example.org',
]
const types = [
  TYPE.A,
  TYPE.A,
  TYPE.A,
  TYPE.A,
  TYPE.AAAA,
  TYPE.AAAA,
  TYPE.PTR,
  TYPE.SRV,
  TYPE.ANY,
  15,
  16,
  65,
  257,
  65_280,
  TYPE.SOA,
] as const

/** One well-formed question, spelt in mixed case. */
export function question(random: Chance): Buffer {
  const pick = <T>(all: readonly T[]): T => all[random(all.length)] as T
  const dice = random(10)
  const name = `${dice === 9 ? pick(['_80._tcp.', '_http._tcp.', '_9999._udp.']) : ''}${pick(words)}${pick(tails)}`
  const key =
    dice === 8 ? reverseKey(pick([...askers, '10.3.0.2', '8.8.8.8']) as Address) : (keyOf(name) as string)
  return query(mixedCase(key, random), pick(types), random)
}

function mixedCase(key: string, random: Chance): string {
  return [...key].map((char) => (random(4) === 0 ? char.toUpperCase() : char)).join('')
}

/** A query message for a key. */
function query(key: string, type: number, random: Chance = () => 0): Buffer {
  const head = Buffer.from([random(256), random(256), random(2), random(2) * 0x10, 0, 1, 0, 0, 0, 0, 0, 0])
  const tail = Buffer.from([type >> 8, type & 255, 0, 1])
  return Buffer.concat([head, Buffer.from(key, 'latin1'), tail])
}

/** The same with an OPT record behind it. */
export function withEdns(message: Buffer, udpBytes: number, flags = 0): Buffer {
  const opt = Buffer.from([0, 0, 41, udpBytes >> 8, udpBytes & 255, 0, 0, flags >> 8, flags & 255, 0, 0])
  const longer = Buffer.concat([message, opt])
  longer.writeUInt16BE(1, 10)
  return longer
}
