/**
 * Sysctls through /proc/sys, of the namespace the calling thread is in.
 *
 * Synchronous on purpose: /proc/sys/net follows the reading thread's network
 * namespace, and a pool thread is never in a sandbox.
 *
 * @see sysctl(5), proc_sys(5)
 * @module
 */

import { readFileSync, writeFileSync } from 'node:fs'
import { ENOENT, errnoOf } from './errno.ts'

const pathOf = (key: string): string => `/proc/sys/${key}`

/** @returns the value without its line end, undefined where the kernel has no such key */
export function readSysctl(key: string): string | undefined {
  try {
    return normal(readFileSync(pathOf(key), 'utf8'))
  } catch (error) {
    if (errnoOf(error) === ENOENT) return undefined
    throw error
  }
}

export function readSysctls(keys: readonly string[]): ReadonlyMap<string, string | undefined> {
  return new Map(keys.map((key) => [key, readSysctl(key)]))
}

export function writeSysctl(key: string, value: string): void {
  // r+ does not create: outside /proc there is nothing to make by mistake.
  writeFileSync(pathOf(key), value, { flag: 'r+' })
}

/** Values of several numbers are read with tabs and written with blanks: one form for both. */
export function normal(value: string): string {
  return value.trim().replaceAll(/\s+/g, ' ')
}
