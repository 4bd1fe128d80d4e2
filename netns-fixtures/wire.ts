/**
 * A veth pair between two hosts, with addresses from documentation prefixes.
 *
 * Addresses are usable when the call returns: no duplicate address detection,
 * and both ends have their link-local address, so that a snapshot taken next
 * does not change by itself.
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Place } from './place.ts'

/** Wishes for a wire. */
export interface WireOptions {
  /** IPv6 prefix beside an IPv4 one. */
  readonly v6?: string
  /** Bytes; the kernel's 1500 without it. */
  readonly mtu?: number
  /** Interface names at the first and at the second host; else the next free `eth0`, `eth1`, … of each. */
  readonly names?: readonly [string, string]
  /** Which host gets its default route through the other. */
  readonly defaultRoute?: 'first' | 'second' | 'both'
}

/** One end of a wire. */
export interface WireEnd {
  readonly ifname: string
  readonly v4?: string
  readonly v6?: string
}

/** Both ends; the first host has the first address of each prefix. */
export interface Wire {
  readonly first: WireEnd
  readonly second: WireEnd
}

type AddressedEnd = WireEnd & { readonly cidrs: readonly string[] }

/** RFC 5737 and RFC 3849: addresses that can never be anybody's. */
const documentation = /^(192\.0\.2|198\.51\.100|203\.0\.113)\.|^2001:db8:/i

/** Connects two hosts. */
export async function layWire(
  first: Place,
  second: Place,
  prefix: string,
  options: WireOptions = {},
): Promise<Wire> {
  const prefixes = options.v6 ? [prefix, options.v6] : [prefix]
  const names = options.names ?? [await freeName(first), await freeName(second)]
  const ends = [0, 1].map((index): AddressedEnd => {
    const cidrs = prefixes.map((text) => nthAddress(text, index + 1))
    const v4 = cidrs.find((cidr) => !cidr.includes(':'))?.split('/')[0]
    const v6 = cidrs.find((cidr) => cidr.includes(':'))?.split('/')[0]
    return { ifname: names[index] ?? '', cidrs, ...(v4 && { v4 }), ...(v6 && { v6 }) }
  })
  const [one, two] = ends
  if (!one || !two) throw new Error('a wire has two ends')

  const mtu = options.mtu ? ['mtu', `${options.mtu}`] : []
  const peer = ['peer', 'name', two.ifname, ...mtu, 'netns', `${second.pid}`]
  await first.run(['ip', 'link', 'add', one.ifname, ...mtu, 'type', 'veth', ...peer])
  await Promise.all([furnishEnd(first, one), furnishEnd(second, two)])
  await Promise.all([settled(first, one.ifname), settled(second, two.ifname)])
  const wanted = options.defaultRoute
  if (wanted === 'first' || wanted === 'both') await addDefaultRoute(first, two)
  if (wanted === 'second' || wanted === 'both') await addDefaultRoute(second, one)
  const plain = ({ cidrs: _cidrs, ...end }: AddressedEnd): WireEnd => end
  return { first: plain(one), second: plain(two) }
}

async function furnishEnd(place: Place, end: AddressedEnd): Promise<void> {
  const lines = end.cidrs.map(
    (cidr) => `addr add ${cidr} dev ${end.ifname}${cidr.includes(':') ? ' nodad' : ''}`,
  )
  // accept_dad=0: the link-local address needs no second of waiting either.
  const noWaiting = `/proc/sys/net/ipv6/conf/${end.ifname}/accept_dad`
  await place.sh(`[ ! -e ${noWaiting} ] || echo 0 > ${noWaiting}; ip -batch -`, {
    stdin: [...lines, `link set ${end.ifname} up`, ''].join('\n'),
  })
}

async function addDefaultRoute(place: Place, through: WireEnd): Promise<void> {
  if (through.v4) await place.run(['ip', 'route', 'add', 'default', 'via', through.v4])
  if (through.v6) await place.run(['ip', '-6', 'route', 'add', 'default', 'via', through.v6])
}

/**
 * Waits for what the kernel does by itself once both ends are up: the carrier, the link-local address, and the local route
 * of each IPv6 address, which it adds behind the address, in its own time, also where none is looked for in others.
 */
async function settled(place: Place, ifname: string): Promise<void> {
  const deadline = Date.now() + 60_000
  for (;;) {
    const { stdout } = await place.run(['ip', '-br', 'addr', 'show', 'dev', ifname])
    const { stdout: six } = await place.sh(
      `[ "$(cat /proc/sys/net/ipv6/conf/${ifname}/disable_ipv6 2>/dev/null || echo 1)" = 0 ] || exit 0
      echo IPv6; ip -6 route show table local dev ${ifname} || :`,
    )
    const addresses = [...stdout.matchAll(/ (\S+:\S*)\/\d+/g)].map(([, address]) => `local ${address} `)
    const hasAll = stdout.includes('fe80:') && addresses.every((local) => six.includes(local))
    if (/\sUP\s/.test(stdout) && (six === '' || hasAll)) return
    if (Date.now() > deadline)
      throw new Error(`${place.name}: ${ifname} does not come up\n${await place.picture()}`)
    await sleep(10)
  }
}

async function freeName(place: Place): Promise<string> {
  const { stdout } = await place.run(['ip', '-br', 'link'])
  const taken = new Set(stdout.split('\n').map((line) => line.split(/[\s@]/)[0]))
  for (let number = 0; ; number += 1) if (!taken.has(`eth${number}`)) return `eth${number}`
}

/** The nth address of a documentation prefix, with its length: `192.0.2.0/24`, 2 → `192.0.2.2/24`. */
function nthAddress(prefix: string, n: number): string {
  const [base = '', length = ''] = prefix.split('/')
  if (!documentation.test(base) || !/^\d+$/.test(length)) {
    throw new Error(
      `${prefix}: wires use 192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24 or 2001:db8::/32 only`,
    )
  }
  if (base.includes(':')) {
    if (!base.endsWith('::')) throw new Error(`${prefix}: write an IPv6 prefix of a wire with :: at its end`)
    return `${base}${n}/${length}`
  }
  const octets = base.split('.')
  return `${octets.slice(0, 3).join('.')}.${Number(octets[3]) + n}/${length}`
}
