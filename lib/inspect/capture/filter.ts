/**
 * The filter of `tsnet capture`, read: a small part of pcap-filter(7), with
 * names of containers besides addresses. Pure.
 *
 * ```
 * filter  = term { "or" term }          term = factor { "and" factor }
 * factor  = "not" factor | "(" filter ")" | what
 * what    = tcp | udp | sctp | icmp | arp | ip | ip6
 *         | [src|dst] [host] NAME-OR-ADDRESS | [src|dst] net PREFIX
 *         | [tcp|udp|sctp] [src|dst] port N | [tcp|udp|sctp] [src|dst] portrange N-M
 * ```
 *
 * @module
 */

import { fail } from '../../errors/codes.ts'
import { type Cidr, parseAddress, parseSubnet, withPrefix } from '../../model/address.ts'
import { nearest } from '../../model/nearest.ts'

export type Protocol = 'tcp' | 'udp' | 'sctp' | 'icmp' | 'arp' | 'ip' | 'ip6'
export type Side = 'src' | 'dst' | 'either'

export type FilterNode =
  | { readonly kind: 'and' | 'or'; readonly left: FilterNode; readonly right: FilterNode }
  | { readonly kind: 'not'; readonly of: FilterNode }
  | { readonly kind: 'protocol'; readonly protocol: Protocol }
  | { readonly kind: 'net'; readonly side: Side; readonly prefixes: readonly Cidr[] }
  | { readonly kind: 'port'; readonly side: Side; readonly first: number; readonly last: number }

/** Who can be named in a filter. */
export interface NamedHosts {
  /** Undefined for a stranger. */
  addressesOf(name: string): readonly Cidr[] | undefined
  names(): readonly string[]
}

const protocols: readonly Protocol[] = ['tcp', 'udp', 'sctp', 'icmp', 'arp', 'ip', 'ip6']
const withPorts: readonly string[] = ['tcp', 'udp', 'sctp']
const known = [...protocols, 'icmp6', 'src', 'dst', 'host', 'net', 'port', 'portrange', 'and', 'or', 'not']

/**
 * @returns undefined for an empty filter: everything
 * @throws TSNET_BAD_VALUE (invalid) saying which word cannot be understood
 */
export function parseFilter(text: string, hosts: NamedHosts): FilterNode | undefined {
  const words = text
    .replace(/([()!])/g, ' $1 ')
    .split(/\s+/)
    .filter((word) => word !== '')
  if (words.length === 0) return undefined
  const reader = { words, at: 0, text, hosts }
  const node = readOr(reader)
  const left = words[reader.at]
  if (left === undefined) return node
  throw refused(
    reader,
    left === ')' ? 'there is a ) too many' : `"${left}" is not expected here`,
    hintFor(left),
  )
}

interface Reader {
  readonly words: readonly string[]
  readonly text: string
  readonly hosts: NamedHosts
  at: number
}

function readOr(reader: Reader): FilterNode {
  let left = readAnd(reader)
  while (takes(reader, 'or', '||')) left = { kind: 'or', left, right: readAnd(reader) }
  return left
}

function readAnd(reader: Reader): FilterNode {
  let left = readFactor(reader)
  while (takes(reader, 'and', '&&')) left = { kind: 'and', left, right: readFactor(reader) }
  return left
}

function readFactor(reader: Reader): FilterNode {
  if (takes(reader, 'not', '!')) return { kind: 'not', of: readFactor(reader) }
  if (!takes(reader, '(')) return readWhat(reader)
  const inner = readOr(reader)
  if (!takes(reader, ')')) throw refused(reader, 'a ) is missing')
  return inner
}

function readWhat(reader: Reader): FilterNode {
  const word = reader.words[reader.at]
  if (word === undefined) throw refused(reader, 'it ends where something should follow')
  const protocol = protocols.find((one) => one === (word === 'icmp6' ? 'icmp' : word))
  if (protocol !== undefined) {
    reader.at++
    const next = reader.words[reader.at] ?? ''
    const of: FilterNode = { kind: 'protocol', protocol }
    const goesOn = ['port', 'portrange', 'src', 'dst'].includes(next)
    if (!goesOn || !withPorts.includes(protocol)) return of
    return { kind: 'and', left: of, right: readWhat(reader) }
  }
  const side = takes(reader, 'src') ? 'src' : takes(reader, 'dst') ? 'dst' : 'either'
  if (takes(reader, 'port')) {
    const port = portOf(reader, value(reader, 'a port'))
    return { kind: 'port', side, first: port, last: port }
  }
  if (takes(reader, 'portrange')) return rangeOf(reader, side)
  if (takes(reader, 'net')) {
    const text = value(reader, 'a prefix')
    const prefix = parseSubnet(text)
    if (prefix === undefined) throw refused(reader, `"${text}" is no prefix`, 'such as net 10.89.0.0/24')
    return { kind: 'net', side, prefixes: [prefix] }
  }
  const isHost = takes(reader, 'host')
  if (side === 'either' && !isHost) throw refused(reader, `"${word}" is no word of the filter`, hintFor(word))
  return { kind: 'net', side, prefixes: hostOf(reader, value(reader, 'an address or a name')) }
}

function hostOf(reader: Reader, text: string): readonly Cidr[] {
  const address = parseAddress(text)
  if (address !== undefined) return [withPrefix(address, address.includes(':') ? 128 : 32)]
  const named = reader.hosts.addressesOf(text)
  if (named === undefined || named.length === 0)
    throw refused(
      reader,
      `"${text}" is no address and no container with one`,
      nearest(text, reader.hosts.names()) ?? 'tsnet ps lists names',
    )
  return named
}

function rangeOf(reader: Reader, side: Side): FilterNode {
  const text = value(reader, 'two ports')
  const [first, last] = text.split('-')
  const range = { first: portOf(reader, first ?? ''), last: portOf(reader, last ?? '') }
  if (range.first > range.last) throw refused(reader, `"${text}" runs backwards`)
  return { kind: 'port', side, ...range }
}

function portOf(reader: Reader, text: string): number {
  const port = Number(text)
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw refused(reader, `"${text}" is no port from 0 to 65535`)
  return port
}

function value(reader: Reader, what: string): string {
  const word = reader.words[reader.at]
  if (word === undefined) throw refused(reader, `it ends where ${what} should follow`)
  reader.at++
  return word
}

function takes(reader: Reader, ...spellings: readonly string[]): boolean {
  if (!spellings.includes(reader.words[reader.at] ?? '')) return false
  reader.at++
  return true
}

function hintFor(word: string): string | undefined {
  return nearest(word, known)
}

function refused({ text }: Reader, why: string, hint?: string): Error {
  return fail('TSNET_BAD_VALUE', {
    message: `reading the filter: ${why}`,
    field: 'filter',
    value: text,
    hint: hint ?? "such as 'tcp port 80 and not host 10.89.0.1'; tsnet help capture has the words",
  })
}
