/**
 * `host-local`: its keys, and its addresses from the engine.
 *
 * @module
 */

import { type Address, type Cidr, parseAddress, parseCidr } from '../../model/address.ts'
import { Fields } from './config.ts'
import { readArgs } from './environment.ts'
import { cniError } from './errors.ts'
import type { Request } from './plugin.ts'
import { type CniDns, type CniResult, decodeRoute, emptyResult } from './result.ts'
import { isAtLeast } from './versions.ts'

interface RangeRequest {
  readonly subnet: Cidr
  readonly rangeStart?: Address
  readonly rangeEnd?: Address
  readonly gateway?: Address
}

const defaultDataDir = '/var/lib/cni/networks'

export async function hostLocalAdd(request: Request): Promise<CniResult> {
  const ipam = ipamOf(request)
  const engine = await request.engine()
  const sets = rangeSets(request)
  const asked = askedAddresses(request)
  const dns = readResolvConf(request, (path) => engine.hostLocal.readResolvConf(path))
  const given = await engine.hostLocal.add({ ...placeOf(request), sets, asked })
  if (
    !isAtLeast(request.conf.cniVersion, '0.3.0') &&
    new Set(given.map(({ cidr }) => cidr.includes(':'))).size < given.length
  ) {
    await hostLocalDel(request)
    throw cniError('config', 'CNI version 0.2.0 does not support more than one address per family')
  }
  return {
    ...emptyResult,
    ips: given.map(({ cidr, gateway }) => ({ address: cidr, gateway })),
    routes: ipam.objects('routes').map(({ json }) => decodeRoute(json)),
    dns,
  }
}

export async function hostLocalDel(request: Request): Promise<void> {
  await (await request.engine()).hostLocal.remove(placeOf(request))
}

export async function hostLocalCheck(request: Request): Promise<void> {
  const { containerId } = request.call
  if (!(await request.engine()).hostLocal.has(placeOf(request)))
    throw cniError('other', `host-local: Failed to find address added by container ${containerId}`)
}

export async function hostLocalGc(request: Request): Promise<void> {
  const valid = request.conf.valid.map(({ containerID, ifname }) => ({ container: containerID, ifname }))
  await (await request.engine()).hostLocal.gc({ ...placeOf(request), valid })
}

/** @throws CniError 50 with the range that is used up */
export async function hostLocalStatus(request: Request): Promise<void> {
  const engine = await request.engine()
  const full = engine.hostLocal.exhausted({ ...placeOf(request), sets: rangeSets(request) })
  if (full !== undefined) throw cniError('notAvailable', `no IP addresses available in range set: ${full}`)
}

function ipamOf({ conf }: Request): Fields {
  if (conf.ipam === undefined) throw cniError('config', "IPAM config missing 'ipam' key")
  return conf.ipam
}

function placeOf(request: Request): {
  readonly dataDir: string
  readonly network: string
  readonly container: string
  readonly ifname: string
} {
  const dataDir = ipamOf(request).string('dataDir') ?? ''
  return {
    dataDir: dataDir === '' ? defaultDataDir : dataDir,
    network: request.conf.name,
    container: request.call.containerId,
    ifname: request.call.ifname,
  }
}

/** The runtime's ranges come first, then the single old-style range, then `ranges`. */
function rangeSets(request: Request): readonly (readonly RangeRequest[])[] {
  const ipam = ipamOf(request)
  const old = ipam.has('subnet') ? [[readRange(ipam)]] : []
  return [...setsAt(request.conf.runtimeConfig, 'ipRanges'), ...old, ...setsAt(ipam, 'ranges')]
}

function setsAt(fields: Fields, key: string): readonly (readonly RangeRequest[])[] {
  if (!fields.has(key)) return []
  const sets = fields.value(key)
  if (!Array.isArray(sets) || sets.some((set) => !Array.isArray(set)))
    throw fields.wrong(key, 'a list of lists of ranges')
  return sets.map((_, i) => new Fields({ [key]: sets[i] }, fields.path).objects(key).map(readRange))
}

function readRange(fields: Fields): RangeRequest {
  const subnet = fields.cidr('subnet')
  if (subnet === undefined) throw fields.wrong('subnet', 'a subnet')
  const part = (key: 'rangeStart' | 'rangeEnd' | 'gateway'): Partial<RangeRequest> => {
    const address = fields.address(key)
    return address === undefined ? {} : { [key]: address }
  }
  return { subnet, ...part('rangeStart'), ...part('rangeEnd'), ...part('gateway') }
}

/** All three sources add up; a prefix length is not looked at. */
function askedAddresses({ call, conf }: Request): readonly Address[] {
  const { IP: ip = '' } = readArgs(call.args, ['IP', ...runtimeArgs])
  const texts = [
    ...(ip === '' ? [] : ip.split(',')),
    ...conf.args.strings('ips'),
    ...conf.runtimeConfig.strings('ips'),
  ]
  return [...new Set(texts)].map((text) => {
    const cidr = parseCidr(text)
    const address = cidr === undefined ? parseAddress(text) : (cidr.slice(0, cidr.indexOf('/')) as Address)
    if (address === undefined)
      throw cniError('environment', `requested address ${JSON.stringify(text)} is no IP address`)
    return address
  })
}

/** Arguments of other plugins of a chain, which engines pass to all. */
const runtimeArgs: readonly string[] = ['MAC', 'GATEWAY']

function readResolvConf(request: Request, read: (path: string) => string): CniDns {
  const path = ipamOf(request).string('resolvConf') ?? ''
  if (path === '') return {}
  const words = read(path)
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
  const of = (key: string): readonly string[] =>
    words.filter(([first]) => first === key).flatMap(([, ...rest]) => rest)
  const [nameservers, search, options, [domain]] = [
    of('nameserver'),
    of('search'),
    of('options'),
    of('domain'),
  ]
  return {
    ...(nameservers.length === 0 ? {} : { nameservers }),
    ...(domain === undefined ? {} : { domain }),
    ...(search.length === 0 ? {} : { search }),
    ...(options.length === 0 ? {} : { options }),
  }
}
