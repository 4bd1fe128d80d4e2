/**
 * A filter as a program for the kernel: classic BPF. Pure.
 *
 * Loads are relative to the network header (SKF_NET_OFF), so one program serves
 * sockets with and without link headers. Limits: IPv6 extension headers are not
 * walked, later fragments have no ports, and 255 instructions must be enough.
 *
 * @see linux/filter.h
 * @module
 */

import { fail } from '../../errors/codes.ts'
import type { BpfInstruction } from '../../kernel/packets/packets.ts'
import { addressOf, bytesOf, type Cidr, familyOf, prefixLength } from '../../model/address.ts'
import type { FilterNode, Protocol, Side } from './filter.ts'

const NET = -0x100000
/** SKF_AD_OFF + SKF_AD_PROTOCOL: the ether type. */
const ETHER_TYPE = -0x1000
const LD_W = 0x20
const LD_H = 0x28
const LD_B = 0x30
const LD_H_IND = 0x48
const LDX_MSH = 0xb1
const AND = 0x54
const JEQ = 0x15
const JGE = 0x35
const JGT = 0x25
const JSET = 0x45
const RET = 0x06
const IPV4 = 0x0800
const IPV6 = 0x86dd
const ARP = 0x0806

const ipProtocols: Partial<Record<Protocol, readonly number[]>> = {
  tcp: [6],
  udp: [17],
  sctp: [132],
  icmp: [1, 58],
}

/** Places in the program that are known when it is put together. */
type Label = symbol
type Line =
  | { readonly label: Label }
  | { readonly code: number; readonly value: number; readonly yes?: Label; readonly no?: Label }

/** @throws TSNET_BAD_VALUE (invalid) for a filter that is too long */
export function compileFilter(node: FilterNode | undefined): readonly BpfInstruction[] {
  const [take, leave] = [Symbol('take'), Symbol('leave')]
  const lines = [
    ...(node === undefined ? [] : compile(node, take, leave)),
    { label: take },
    { code: RET, value: 0xffffffff },
    { label: leave },
    { code: RET, value: 0 },
  ]
  return assemble(lines)
}

function compile(node: FilterNode, yes: Label, no: Label): readonly Line[] {
  const between = Symbol('between')
  switch (node.kind) {
    case 'not':
      return compile(node.of, no, yes)
    case 'and':
      return [...compile(node.left, between, no), { label: between }, ...compile(node.right, yes, no)]
    case 'or':
      return [...compile(node.left, yes, between), { label: between }, ...compile(node.right, yes, no)]
    case 'protocol':
      return protocolLines(node.protocol, yes, no)
    case 'net':
      return node.prefixes.flatMap((prefix, at) => {
        const next = at === node.prefixes.length - 1 ? no : Symbol('next')
        const lines = netLines(prefix, node.side, { yes, no: next })
        return next === no ? lines : [...lines, { label: next }]
      })
    case 'port':
      return portLines(node, yes, no)
  }
}

function protocolLines(protocol: Protocol, yes: Label, no: Label): readonly Line[] {
  const numbers = ipProtocols[protocol]
  const type: Line = { code: LD_H, value: ETHER_TYPE }
  if (numbers === undefined) {
    const wanted = protocol === 'arp' ? ARP : protocol === 'ip' ? IPV4 : IPV6
    return [type, { code: JEQ, value: wanted, yes, no }]
  }
  return byFamily(no, (family) => [
    { code: LD_B, value: NET + (family === 4 ? 9 : 6) },
    ...anyOf(numbers.length === 1 ? numbers : [family === 4 ? 1 : 58], yes, no),
  ])
}

function netLines(
  prefix: Cidr,
  side: Side,
  to: { readonly yes: Label; readonly no: Label },
): readonly Line[] {
  const { yes, no } = to
  const family = familyOf(prefix)
  const offsets = (source: number, destination: number): readonly number[] =>
    side === 'src' ? [source] : side === 'dst' ? [destination] : [source, destination]
  const isIp = Symbol('ip')
  const other = Symbol('other')
  const ip = [{ label: isIp }, ...matchAny(prefix, family === 4 ? offsets(12, 16) : offsets(8, 24), to)]
  const type: Line = { code: LD_H, value: ETHER_TYPE }
  if (family === 6) return [type, { code: JEQ, value: IPV6, yes: isIp, no }, ...ip]
  const isArp = Symbol('arp')
  return [
    type,
    { code: JEQ, value: IPV4, yes: isIp, no: other },
    { label: other },
    { code: JEQ, value: ARP, yes: isArp, no },
    { label: isArp },
    ...matchAny(prefix, offsets(14, 24), { yes, no }),
    ...ip,
  ]
}

/** The address at any of the offsets has that prefix. */
function matchAny(
  prefix: Cidr,
  offsets: readonly number[],
  { yes, no }: { readonly yes: Label; readonly no: Label },
): readonly Line[] {
  const bytes = Buffer.from(bytesOf(addressOf(prefix)))
  const bits = prefixLength(prefix)
  return offsets.flatMap((offset, at) => {
    const last = at === offsets.length - 1
    const miss = last ? no : Symbol('miss')
    const words = Array.from({ length: bytes.length / 4 }, (_, index) => index).filter(
      (index) => index * 32 < bits,
    )
    const lines = words.flatMap((index, nth): Line[] => {
      const take = Math.min(32, bits - index * 32)
      const mask = take === 32 ? 0xffffffff : (0xffffffff << (32 - take)) >>> 0
      const more = Symbol('more')
      const hit = nth === words.length - 1 ? yes : more
      return [
        { code: LD_W, value: NET + offset + index * 4 },
        ...(take === 32 ? [] : [{ code: AND, value: mask }]),
        { code: JEQ, value: (bytes.readUInt32BE(index * 4) & mask) >>> 0, yes: hit, no: miss },
        ...(hit === yes ? [] : [{ label: more }]),
      ]
    })
    const all: readonly Line[] = words.length === 0 ? [{ code: JGE, value: 0, yes, no: yes }] : lines
    return last ? all : [...all, { label: miss }]
  })
}

function portLines(
  { side, first, last }: Extract<FilterNode, { kind: 'port' }>,
  yes: Label,
  no: Label,
): readonly Line[] {
  const within = (load: (at: number) => Line): readonly Line[] => {
    const sides = side === 'src' ? [0] : side === 'dst' ? [2] : [0, 2]
    return sides.flatMap((at, nth) => {
      const miss = nth === sides.length - 1 ? no : Symbol('miss')
      const above = Symbol('above')
      return [
        load(at),
        { code: JGE, value: first, yes: above, no: miss },
        { label: above },
        { code: JGT, value: last, yes: miss, no: yes },
        ...(miss === no ? [] : [{ label: miss }]),
      ]
    })
  }
  return byFamily(no, (family) => {
    const [hasPorts, whole] = [Symbol('ports'), Symbol('whole')]
    const protocol = [
      { code: LD_B, value: NET + (family === 4 ? 9 : 6) },
      ...anyOf([6, 17, 132], hasPorts, no),
      { label: hasPorts },
    ]
    if (family === 6) return [...protocol, ...within((at) => ({ code: LD_H, value: NET + 40 + at }))]
    return [
      ...protocol,
      { code: LD_H, value: NET + 6 },
      { code: JSET, value: 0x1fff, yes: no, no: whole },
      { label: whole },
      { code: LDX_MSH, value: NET },
      ...within((at) => ({ code: LD_H_IND, value: NET + at })),
    ]
  })
}

function byFamily(no: Label, lines: (family: 4 | 6) => readonly Line[]): readonly Line[] {
  const [four, notFour, six] = [Symbol('four'), Symbol('not four'), Symbol('six')]
  return [
    { code: LD_H, value: ETHER_TYPE },
    { code: JEQ, value: IPV4, yes: four, no: notFour },
    { label: notFour },
    { code: JEQ, value: IPV6, yes: six, no },
    { label: four },
    ...lines(4),
    { label: six },
    ...lines(6),
  ]
}

function anyOf(values: readonly number[], yes: Label, no: Label): readonly Line[] {
  return values.flatMap((value, at) => {
    const next = at === values.length - 1 ? no : Symbol('next')
    return [{ code: JEQ, value, yes, no: next }, ...(next === no ? [] : [{ label: next }])]
  })
}

function assemble(lines: readonly Line[]): readonly BpfInstruction[] {
  const places = new Map<Label, number>()
  let count = 0
  for (const line of lines) {
    if ('label' in line) places.set(line.label, count)
    else count++
  }
  let at = 0
  return lines.flatMap((line) => {
    if ('label' in line) return []
    at++
    const jump = (label: Label | undefined): number =>
      label === undefined ? 0 : (places.get(label) ?? 0) - at
    const [yes, no] = [jump(line.yes), jump(line.no)]
    if (yes > 255 || no > 255) {
      throw fail('TSNET_BAD_VALUE', {
        message: 'reading the filter: it is too long for the kernel',
        field: 'filter',
        hint: 'name fewer addresses, or use a prefix: net 10.89.0.0/24',
      })
    }
    return [[line.code, yes, no, line.value] as const]
  })
}
