/**
 * `/etc/tsnet/config.json`: the host's defaults. All keys optional.
 *
 * @module
 */

import { readFileSync } from 'node:fs'
import { fail } from '../errors/codes.ts'
import { type Address, parseAddress } from '../model/address.ts'
import type { FirewallBackend } from '../model/attachment.ts'
import { parseJson } from '../model/json.ts'
import { isContainerName } from '../model/names.ts'
import { hasCode, isUnreadable, reasonOf } from './filefaults.ts'
import { rememberedFile } from './remembered.ts'

export interface HostConfig {
  readonly firewall?: FirewallBackend
  /** Where `-p 8080:80` listens when no address is given; absent: every address. */
  readonly publishAddress?: Address
  /** False: no network has names. */
  readonly dns?: boolean
  /** Where the name server listens, for networks made from now on that do not say; default 53. */
  readonly dnsPort?: number
  /** Processes that answer names; default 1. */
  readonly dnsWorkers?: number
  /** True: tsnetd owns the nftables table, which nobody else can take away or change then. Needs Linux 6.9. */
  readonly ownRules?: boolean
  /** Kinds of network made by programs: absolute paths by the name of the driver. */
  readonly drivers?: Readonly<Record<string, string>>
}

const hostConfigPath = '/etc/tsnet/config.json'

const backends: readonly unknown[] = ['iptables', 'nftables', 'none']

/** @throws TSNET_BAD_VALUE (invalid) naming the key, TSNET_BAD_JSON (invalid) with the line */
export function readHostConfig(path: string = hostConfigPath): HostConfig {
  const raw = read(path) ?? {}
  const bad = (field: string, value: unknown, hint: string): Error =>
    fail('TSNET_BAD_VALUE', { message: `reading ${path}: ${field} cannot be used`, field, value, hint })
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw))
    throw bad('(document)', raw, 'write an object')
  const { firewall, publishAddress, dns, dnsPort, dnsWorkers, ownRules, drivers, ...unknown } = raw as Record<
    string,
    unknown
  >
  for (const [key, value] of Object.entries(unknown)) {
    throw bad(
      key,
      value,
      'known keys are firewall, publishAddress, dns, dnsPort, dnsWorkers, ownRules and drivers',
    )
  }
  if (firewall !== undefined && !backends.includes(firewall)) {
    throw bad('firewall', firewall, 'use iptables, nftables or none')
  }
  const address = typeof publishAddress === 'string' ? parseAddress(publishAddress) : undefined
  if (publishAddress !== undefined && address === undefined) {
    throw bad('publishAddress', publishAddress, 'use an IP address of this host, such as 127.0.0.1')
  }
  if (dns !== undefined && typeof dns !== 'boolean') throw bad('dns', dns, 'use true or false')
  if (ownRules !== undefined && typeof ownRules !== 'boolean') {
    throw bad('ownRules', ownRules, 'use true or false')
  }
  if (dnsPort !== undefined && !isCount(dnsPort, 65_535)) {
    throw bad('dnsPort', dnsPort, 'use a number from 1 to 65535')
  }
  if (dnsWorkers !== undefined && !isCount(dnsWorkers, 64)) {
    throw bad('dnsWorkers', dnsWorkers, 'use a number of processes from 1 to 64')
  }
  if (drivers !== undefined && !isDrivers(drivers)) {
    throw bad('drivers', drivers, 'use an object of names, each with the absolute path of a program')
  }
  return {
    ...(firewall === undefined ? {} : { firewall: firewall as FirewallBackend }),
    ...(address === undefined ? {} : { publishAddress: address }),
    ...(dns === undefined ? {} : { dns }),
    ...(dnsPort === undefined ? {} : { dnsPort }),
    ...(dnsWorkers === undefined ? {} : { dnsWorkers }),
    ...(ownRules === undefined ? {} : { ownRules }),
    ...(drivers === undefined ? {} : { drivers }),
  }
}

function read(path: string): unknown {
  try {
    return rememberedFile<unknown>(path)()
  } catch (error) {
    if (!isUnreadable(error)) throw error
    // People write this file, not we: line and column for them, and nothing for "tsnet gc" to mend.
    if ((error as Error).cause instanceof SyntaxError) return parseJson(readFileSync(path, 'utf8'), path)
    throw fail('TSNET_STATE_UNREADABLE', {
      message: `reading ${path}: ${hasCode((error as Error).cause, 'EISDIR') ? 'it is a folder' : reasonOf(error)}`,
      value: path,
      hint: `mend or remove ${path}`,
      cause: error,
    })
  }
}

function isCount(value: unknown, most: number): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= most
}

function isDrivers(value: unknown): value is Readonly<Record<string, string>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const own = ['bridge', 'host', 'none']
  return Object.entries(value).every(
    ([name, path]) =>
      isContainerName(name) && !own.includes(name) && typeof path === 'string' && path.startsWith('/'),
  )
}
