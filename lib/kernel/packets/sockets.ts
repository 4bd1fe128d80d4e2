/**
 * Sockets of this namespace as /proc tells them, and who has them open.
 *
 * What /proc/net does not show: TCP sockets that are bound and neither listen
 * nor are connected.
 *
 * @see proc_net(5)
 * @module
 */

import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { type Address, fromBytes } from '../../model/address.ts'
import type { Protocol } from '../../model/portmapping.ts'
import type { PortHolder } from '../kernel.ts'
import { errnoOf } from '../system/errno.ts'

export interface LocalSocket {
  /** `::` of a socket that takes both families may hold the IPv4 port too. */
  readonly address: Address
  readonly port: number
  /** Connected, closing or in TIME_WAIT: takes packets of one peer only. */
  readonly connected: boolean
  readonly inode: string
}

const tables: Readonly<Record<Protocol, readonly string[]>> = {
  tcp: ['tcp', 'tcp6'],
  udp: ['udp', 'udp6'],
  sctp: ['sctp/eps'],
}

/** include/net/tcp_states.h; an unconnected UDP socket is said to be closed. */
const TCP_LISTEN = '0A'
const TCP_CLOSE = '07'

/** All sockets of a protocol that have a local port, both families. */
export function localSockets(protocol: Protocol): LocalSocket[] {
  const parse = protocol === 'sctp' ? sctpSocket : inetSocket
  return tables[protocol].flatMap((table) => {
    const [, ...lines] = readTable(table).split('\n')
    return lines.map((line) => parse(line.trim().split(/\s+/))).filter((socket) => socket !== undefined)
  })
}

/** Who has these sockets open, as far as we may look; one pass over all processes. */
export function ownersOf(inodes: readonly string[]): ReadonlyMap<string, PortHolder> {
  const wanted = new Map(inodes.filter((inode) => inode !== '0').map((inode) => [`socket:[${inode}]`, inode]))
  const owners = new Map<string, PortHolder>()
  for (const pid of wanted.size === 0 ? [] : list('/proc').filter((name) => /^\d+$/.test(name))) {
    for (const fd of list(`/proc/${pid}/fd`)) {
      const inode = wanted.get(linkOf(`/proc/${pid}/fd/${fd}`))
      if (inode !== undefined && !owners.has(inode))
        owners.set(inode, { pid: Number(pid), program: programOf(pid) })
    }
    if (owners.size === wanted.size) break
  }
  return owners
}

/** `sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode` */
function inetSocket(fields: readonly string[]): LocalSocket | undefined {
  const [, local, , state, , , , , , inode] = fields
  const [address, port] = local?.split(':') ?? []
  if (address === undefined || port === undefined || inode === undefined) return undefined
  return {
    address: addressFromHex(address),
    port: Number.parseInt(port, 16),
    connected: state !== TCP_LISTEN && state !== TCP_CLOSE,
    inode,
  }
}

/** `ENDPT SOCK STY SST HBKT LPORT UID INODE LADDRS` */
function sctpSocket(fields: readonly string[]): LocalSocket | undefined {
  const [, , , , , port, , inode, address] = fields
  if (port === undefined || inode === undefined || address === undefined) return undefined
  return { address: address as Address, port: Number(port), connected: false, inode }
}

/** Words of four bytes, each in the byte order of the host. IPv4 in IPv6 counts as IPv4. */
function addressFromHex(hex: string): Address {
  const bytes = Buffer.from(hex, 'hex')
  bytes.swap32()
  const mapped = bytes.length === 16 && bytes.subarray(0, 12).equals(mappedPrefix)
  return fromBytes(mapped ? bytes.subarray(12) : bytes)
}

const mappedPrefix = Buffer.from('00000000000000000000ffff', 'hex')

function readTable(table: string): string {
  try {
    return readFileSync(`/proc/net/${table}`, 'utf8')
  } catch (error) {
    // No IPv6, or no SCTP, in this kernel.
    if (errnoOf(error) !== undefined) return ''
    throw error
  }
}

/** Processes end while we look, and some are not ours to look into. */
function list(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

function programOf(pid: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
  } catch {
    return undefined
  }
}
