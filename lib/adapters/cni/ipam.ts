/**
 * Addresses from whichever IPAM plugin the configuration names: our own are
 * called here, without a process; others are found and run.
 *
 * @module
 */

import { parseJson } from '../../model/json.ts'
import { delegate, findPlugin, isOurs } from './delegate.ts'
import { dhcpAdd, dhcpCheck, dhcpDel, dhcpGc, dhcpStatus } from './dhcp.ts'
import { cniError } from './errors.ts'
import { hostLocalAdd, hostLocalCheck, hostLocalDel, hostLocalGc, hostLocalStatus } from './hostlocal.ts'
import type { Request } from './plugin.ts'
import { type CniResult, decodeResult, emptyResult } from './result.ts'
import { staticAdd, staticCheck } from './static.ts'
import { allVersions } from './versions.ts'

export interface Ipam {
  add(request: Request): Promise<CniResult>
  del(request: Request): Promise<void>
  check(request: Request): Promise<void>
  gc(request: Request): Promise<void>
  status(request: Request): Promise<void>
}

const nothing = async (): Promise<void> => undefined

/** What the plugin `host-local` does. */
export const hostLocal: Ipam = {
  add: hostLocalAdd,
  del: hostLocalDel,
  check: hostLocalCheck,
  gc: hostLocalGc,
  status: hostLocalStatus,
}

/** What the plugin `static` does. */
export const staticIpam: Ipam = {
  add: async (request) => staticAdd(request),
  del: nothing,
  check: async (request) => staticCheck(request),
  gc: nothing,
  status: nothing,
}

/** What the plugin `dhcp` does. */
export const dhcpIpam: Ipam = {
  add: dhcpAdd,
  del: dhcpDel,
  check: dhcpCheck,
  gc: dhcpGc,
  status: dhcpStatus,
}

const own: Readonly<Record<string, Ipam>> = { 'host-local': hostLocal, static: staticIpam, dhcp: dhcpIpam }

function foreign(type: string): Ipam {
  const run = async (request: Request, command: Parameters<typeof delegate>[1]): Promise<string> =>
    delegate(request, command, findPlugin(type, request.call.path))
  return {
    add: async (request) => {
      const text = await run(request, 'ADD')
      const json = parseJson(text, `the result of ${type}`)
      const version = (json as { readonly cniVersion?: unknown } | null)?.cniVersion
      return decodeResult(json, allVersions.find((one) => one === version) ?? request.conf.cniVersion)
    },
    del: async (request) => void (await run(request, 'DEL')),
    check: async (request) => void (await run(request, 'CHECK')),
    gc: async (request) => void (await run(request, 'GC')),
    status: async (request) => void (await run(request, 'STATUS')),
  }
}

/** The configuration asks for addresses. */
export function hasIpam({ conf }: Request): boolean {
  return (conf.ipam?.string('type') ?? '') !== ''
}

/** It asks over the interface itself, which must be there first; ours or another set's. */
export function asksOverLink({ conf }: Request): boolean {
  return conf.ipam?.string('type') === 'dhcp'
}

function ipamFor(request: Request): Ipam {
  const type = request.conf.ipam?.string('type') ?? ''
  const known = own[type]
  if (known === undefined) return foreign(type)
  // A foreign plugin of that name is what the administrator wants to be called.
  return request.call.path.length > 0 && !isOurs(findPlugin(type, request.call.path)) ? foreign(type) : known
}

/** Nothing where no IPAM is configured. @throws CniError 999 where IPAM gives no address */
export async function ipamAdd(request: Request): Promise<CniResult> {
  if (!hasIpam(request)) return emptyResult
  if (!asksOverLink(request)) await refuseSecond(request)
  const ipam = ipamFor(request)
  let result: CniResult
  try {
    result = await ipam.add(request)
  } catch (error) {
    // The specification wants it of foreign ones; ours has taken nothing when it fails.
    if (!Object.values(own).includes(ipam)) await ipam.del(request).catch(() => undefined)
    throw error
  }
  if (result.ips.length > 0) return result
  await ipamDel(request).catch(() => undefined)
  throw cniError('other', 'IPAM plugin returned missing IP config')
}

/** Before an address is asked for: giving it back later would take it from the first attachment. */
async function refuseSecond({ call, engine }: Request): Promise<void> {
  if (await (await engine()).hasInterface(call.netns, call.ifname))
    throw cniError('conflict', `container veth name provided (${call.ifname}) already exists`)
}

export async function ipamDel(request: Request): Promise<void> {
  if (hasIpam(request)) await ipamFor(request).del(request)
}

export async function ipamCheck(request: Request): Promise<void> {
  if (hasIpam(request)) await ipamFor(request).check(request)
}

export async function ipamGc(request: Request): Promise<void> {
  if (hasIpam(request)) await ipamFor(request).gc(request)
}

/** @throws CniError as the IPAM plugin says, 50 where it cannot be found */
export async function ipamStatus(request: Request): Promise<void> {
  if (!hasIpam(request)) return
  let ipam: Ipam
  try {
    ipam = ipamFor(request)
    if (own[request.conf.ipam?.string('type') ?? ''] === undefined)
      findPlugin(request.conf.ipam?.string('type') ?? '', request.call.path)
  } catch (error) {
    throw cniError('notAvailable', (error as Error).message)
  }
  await ipam.status(request)
}
