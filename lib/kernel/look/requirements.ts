/**
 * What must be there before anything is changed: rights and programs.
 *
 * Cheap enough for every command: no process is started and nothing is made in
 * the kernel.
 *
 * @module
 */

import { readFileSync } from 'node:fs'
import { fail } from '../../errors/codes.ts'
import { nftWay } from '../rules/libnftables.ts'
import { findProgram, programMissing } from '../system/run.ts'

/** linux/capability.h */
const CAP_NET_ADMIN = 12n
const CAP_SYS_ADMIN = 21n

let granted = false

/** @throws TSNET_PROGRAM_MISSING (unavailable); the hint names the Debian package */
export function requireBackend(backend: 'iptables' | 'nftables'): void {
  if (backend === 'nftables') {
    if (nftWay() === undefined) throw programMissing('nft')
    return
  }
  for (const program of ['iptables-restore', 'ip6tables-restore']) {
    if (findProgram(program) === undefined) throw programMissing(program)
  }
}

/**
 * Root, with the capabilities to change networks and to enter namespaces.
 *
 * @throws TSNET_NOT_ROOT (forbidden)
 */
export function requireRoot(): void {
  // Nobody gives up rights half-way: a daemon looks once.
  if (granted) return
  const missing = [
    ...(process.geteuid?.() === 0 ? [] : ['root']),
    ...(hasCapability(CAP_NET_ADMIN) ? [] : ['CAP_NET_ADMIN']),
    ...(hasCapability(CAP_SYS_ADMIN) ? [] : ['CAP_SYS_ADMIN']),
  ]
  const [first] = missing
  granted = first === undefined
  if (first === undefined) return
  throw fail('TSNET_NOT_ROOT', {
    message: `checking rights: not ${first === 'root' ? 'run by root' : `given ${missing.join(' and ')}`}`,
    hint: first === 'root' ? 'run it with sudo' : 'the container or service tsnet runs in must be given them',
  })
}

function hasCapability(capability: bigint): boolean {
  const [, effective = '0'] = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
  return ((BigInt(`0x${effective}`) >> capability) & 1n) === 1n
}
