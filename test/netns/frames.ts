/**
 * Frames as a hostile container writes them, and the program that sends them.
 *
 * Written by hand, so that nothing between here and the wire corrects them.
 *
 * @module
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Place } from '../../netns-fixtures/place.ts'

/** One interface as others see it. */
export interface Seen {
  readonly mac: string
  readonly v4: string
  readonly v6: string
  /** Of IPv6. */
  readonly linkLocal: string
}

const everybody = 'ff:ff:ff:ff:ff:ff'
const allNodes = { mac: '33:33:00:00:00:01', v6: 'ff02::1' }

let program: string | undefined

/** Sends frames out of an interface of a place, in order; what is sent afterwards arrives after them. */
export async function send(
  place: Place,
  frames: readonly (Buffer | Flood)[],
  ifname = 'eth0',
): Promise<void> {
  const lines = frames.map((one) =>
    Buffer.isBuffer(one) ? one.toString('hex') : `${one.times}:${one.offset} ${one.frame.toString('hex')}`,
  )
  await place.run([compiled(), ifname], { stdin: `${lines.join('\n')}\n` })
  await workedOff()
}

/**
 * Until each processor has worked off the frames that waited for it: a busy one leaves them to a thread of the kernel, and
 * what the next one sends would overtake them.
 */
async function workedOff(): Promise<void> {
  const done = new Set<number>()
  for (const deadline = Date.now() + 20_000; ; await sleep(1)) {
    const queues = readFileSync('/proc/net/softnet_stat', 'utf8').trim().split('\n')
    // The twelfth is the length of the queue, since Linux 5.10.
    for (const [cpu, line] of queues.entries()) if (/^0*$/.test(line.split(' ')[11] ?? '')) done.add(cpu)
    if (done.size === queues.length) return
    if (Date.now() > deadline) throw new Error(`frames wait after 20 s: ${queues.join('; ')}`)
  }
}

/** One frame many times, the two bytes at the offset counted up. */
export interface Flood {
  readonly frame: Buffer
  readonly times: number
  readonly offset: number
}

/** Of the source port of UDP over IPv4. */
export const sourcePortAt: number = 14 + 20

function compiled(): string {
  if (program === undefined) {
    const folder = mkdtempSync(join(tmpdir(), 'tsnet-frames-'))
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
    program = join(folder, 'frames')
    const source = fileURLToPath(new URL('./agents/frames.c', import.meta.url))
    execFileSync('gcc', ['-O1', '-o', program, source], { timeout: 30_000 })
  }
  return program
}

function ethernet(to: string, from: string, type: number, payload: Buffer): Buffer {
  const head = Buffer.concat([macBytes(to), macBytes(from), u16(type)])
  return Buffer.concat([head, payload, Buffer.alloc(Math.max(0, 46 - payload.length))])
}

/** "ADDRESS is at MAC", said to all without having been asked. */
export function announcement(address: string, mac: string, from: string = mac): Buffer {
  const said = [macBytes(mac), v4Bytes(address), macBytes(mac), v4Bytes(address)]
  const body = Buffer.concat([Buffer.from('0001080006040002', 'hex'), ...said])
  return ethernet(everybody, from, 0x0806, body)
}

export function udp4(
  way: { readonly toMac: string; readonly fromMac: string; readonly from: string; readonly to: string },
  ports: { readonly from: number; readonly to: number },
  data: Buffer = Buffer.from('hello'),
): Buffer {
  return ethernet(way.toMac, way.fromMac, 0x0800, ipv4(way, udp(ports, data)))
}

/** Inside a VLAN tag of number 0, which hosts take for none. */
export function tagged(frame: Buffer): Buffer {
  return Buffer.concat([frame.subarray(0, 12), Buffer.from('81000000', 'hex'), frame.subarray(12)])
}

function udp(ports: { readonly from: number; readonly to: number }, data: Buffer): Buffer {
  // Without checksum: IPv4 may.
  return Buffer.concat([u16(ports.from), u16(ports.to), u16(8 + data.length), u16(0), data])
}

function ipv4({ from, to }: { readonly from: string; readonly to: string }, payload: Buffer): Buffer {
  const head = Buffer.concat([
    Buffer.from([0x45, 0]),
    u16(20 + payload.length),
    Buffer.from([0, 1, 0, 0, 64, 17, 0, 0]),
    v4Bytes(from),
    v4Bytes(to),
  ])
  head.writeUInt16BE(checksum(head), 10)
  return Buffer.concat([head, payload])
}

/** "ADDRESS is at MAC": a neighbour advertisement to all, with the override flag. */
export function advertisement(address: string, mac: string, from: string): Buffer {
  const body = Buffer.concat([Buffer.from('8800000020000000', 'hex'), v6Bytes(address), option(2, mac)])
  return icmp6({ mac, from }, body)
}

/** "I am your router", with a prefix to make addresses of. */
export function routerAdvertisement(mac: string, from: string, behindHopByHop: boolean = false): Buffer {
  const prefix = Buffer.concat([
    Buffer.from('030440c00000ffff0000ffff00000000', 'hex'),
    v6Bytes('2001:db8:bad::'),
  ])
  const body = Buffer.concat([Buffer.from('86000000400007080000000000000000', 'hex'), option(1, mac), prefix])
  return icmp6({ mac, from }, body, behindHopByHop)
}

function icmp6(
  { mac, from }: { readonly mac: string; readonly from: string },
  body: Buffer,
  behindHopByHop = false,
): Buffer {
  const addresses = Buffer.concat([v6Bytes(from), v6Bytes(allNodes.v6)])
  const pseudo = Buffer.concat([addresses, Buffer.from([0, 0]), u16(body.length), Buffer.from([0, 0, 0, 58])])
  body.writeUInt16BE(checksum(Buffer.concat([pseudo, body])), 2)
  const extension = behindHopByHop ? Buffer.from('3a00010400000000', 'hex') : Buffer.alloc(0)
  const head = Buffer.concat([
    Buffer.from('60000000', 'hex'),
    u16(body.length + extension.length),
    Buffer.from([behindHopByHop ? 0 : 58, 255]),
    addresses,
  ])
  return ethernet(allNodes.mac, mac, 0x86dd, Buffer.concat([head, extension, body]))
}

const option = (kind: number, mac: string): Buffer => Buffer.concat([Buffer.from([kind, 1]), macBytes(mac)])

/** RFC 1071. */
function checksum(bytes: Buffer): number {
  let sum = 0
  for (let at = 0; at < bytes.length; at += 2) sum += ((bytes[at] as number) << 8) | (bytes[at + 1] ?? 0)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

const u16 = (value: number): Buffer => Buffer.from([value >>> 8, value & 0xff])
const macBytes = (mac: string): Buffer => Buffer.from(mac.replaceAll(':', ''), 'hex')
const v4Bytes = (address: string): Buffer => Buffer.from(address.split('.').map(Number))

function v6Bytes(address: string): Buffer {
  const [head = '', tail = ''] = address.split('::')
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'))
  const zeros = Array.from({ length: 8 - groups(head).length - groups(tail).length }, () => '0')
  const all = [...groups(head), ...(address.includes('::') ? zeros : []), ...groups(tail)]
  return Buffer.concat(all.map((group) => u16(Number.parseInt(group, 16))))
}
