/**
 * What iptables-legacy's tables look like from outside: how many entries and bytes each has.
 *
 * The kernel announces no change of them; this it tells for a system call, so
 * that a second need not pass. Two that differ are of different rules, two that
 * are equal may be. Only tables that are there are asked for: asking for another
 * would make it.
 *
 * @see IPT_SO_GET_INFO and struct ipt_getinfo in include/uapi/linux/netfilter_ipv4/ip_tables.h
 * @module
 */

import { readFileSync } from 'node:fs'
import type { Family } from '../../model/address.ts'
import { closeDescriptor } from '../system/libc.ts'
import { makeSocket, socketStructure } from '../system/sockets.ts'

const AF_INET = 2
const AF_INET6 = 10
const SOCK_RAW = 3
const IPPROTO_RAW = 255
const SOL_IP = 0
const SOL_IPV6 = 41
/** IPT_SO_GET_INFO and IP6T_SO_GET_INFO. */
const GET_INFO = 64
/** Name, hooks, where each begins and ends, entries, bytes. */
const infoBytes = 32 + 4 + 20 + 20 + 4 + 4

/** Tables of this namespace. Not those of iptables-nft. */
export function legacyTableNames(family: Family): readonly string[] {
  try {
    const names = readFileSync(`/proc/net/${family === 4 ? 'ip' : 'ip6'}_tables_names`, 'utf8')
    return names.split('\n').filter((name) => name !== '')
  } catch {
    // No such file: the kernel has no legacy tables, or none was ever used.
    return []
  }
}

/**
 * To be compared with another one; empty where there are no tables.
 *
 * @throws an errno where we may not ask
 */
export function legacyTables(): string {
  return ([4, 6] as const)
    .flatMap((family) => {
      const names = legacyTableNames(family)
      return names.length === 0 ? [] : tablesOf(family, names)
    })
    .join(' ')
}

function tablesOf(family: Family, names: readonly string[]): readonly string[] {
  const fd = makeSocket(family === 4 ? AF_INET : AF_INET6, SOCK_RAW, IPPROTO_RAW)
  try {
    return names.map((name) => `${family}:${name}:${sizeOf(fd, family, name)}`)
  } finally {
    closeDescriptor(fd)
  }
}

function sizeOf(fd: number, family: Family, name: string): string {
  const info = Buffer.alloc(infoBytes)
  info.write(name)
  socketStructure(fd, family === 4 ? SOL_IP : SOL_IPV6, GET_INFO, info)
  return [info.readUInt32LE(infoBytes - 8), info.readUInt32LE(infoBytes - 4)].join('/')
}
