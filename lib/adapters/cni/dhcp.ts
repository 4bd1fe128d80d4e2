/**
 * `dhcp`: its keys, and leases from the keeper (`dhcp daemon`).
 *
 * @module
 */

import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import {
  dhcpOptions,
  keeperSocket,
  type Lease,
  type LeaseOwner,
  optionNumber,
} from '../../engine/dhcp/control.ts'
import { findPlugin } from './delegate.ts'
import { cniError } from './errors.ts'
import type { Request } from './plugin.ts'
import { type CniResult, emptyResult } from './result.ts'

export const dhcpSocket: string = keeperSocket
const longestIdBytes = 254
const longestValueBytes = 255

export async function dhcpAdd(request: Request): Promise<CniResult> {
  const { call } = request
  const { clientId, ...asked } = optionsOf(request)
  const engine = await request.engine()
  const lease = await engine.dhcp.acquire(placeOf(request), {
    ...ownerOf(request),
    netns: call.netns,
    clientId: clientId ?? defaultClientId(ownerOf(request)),
    ...asked,
  })
  return resultOf(request, lease)
}

export async function dhcpDel(request: Request): Promise<void> {
  await (await request.engine()).dhcp.release(placeOf(request), ownerOf(request))
}

/** @throws CniError 999 where there is no lease, or one of another address than ADD said */
export async function dhcpCheck(request: Request): Promise<void> {
  const { call, conf } = request
  const lease = await (await request.engine()).dhcp.find(placeOf(request), ownerOf(request))
  if (lease === undefined)
    throw cniError('other', `dhcp: container ${call.containerId} has no lease for ${call.ifname}`)
  if (conf.prevResult?.ips.some(({ address }) => address === lease.address) === false)
    throw cniError('other', `dhcp: the lease is ${lease.address}, the result says otherwise`)
}

export async function dhcpGc(request: Request): Promise<void> {
  const valid = request.conf.valid.map(({ containerID, ifname }) => ({ container: containerID, ifname }))
  await (await request.engine()).dhcp.gc(placeOf(request), request.conf.name, valid)
}

/** @throws CniError 50 where no keeper runs and none can be started, 51 where one has died */
export async function dhcpStatus(request: Request): Promise<void> {
  optionsOf(request)
  const place = placeOf(request)
  if (place.program !== undefined || (await (await request.engine()).dhcp.isThere(place))) return
  // A socket without anybody behind it: there was one, and nobody renews its leases.
  const died = existsSync(place.socketPath)
  throw cniError(
    died ? 'limited' : 'notAvailable',
    `no DHCP daemon answers at ${place.socketPath}${died ? ': leases are not renewed' : ''}`,
    'start one: /opt/cni/bin/dhcp daemon',
  )
}

function ownerOf({ call, conf }: Request): LeaseOwner {
  return { network: conf.name, container: call.containerId, ifname: call.ifname }
}

/** A keeper at the usual place is started where none runs; whoever gives a place of his own starts his own. */
function placeOf({ call, conf }: Request): { readonly socketPath: string; readonly program?: string } {
  const socketPath = conf.ipam?.string('daemonSocketPath') || dhcpSocket
  const folders = [...call.path, dirname(process.argv[1] ?? '')]
  if (socketPath !== dhcpSocket || !folders.some((folder) => existsSync(`${folder}/dhcp`)))
    return { socketPath }
  return { socketPath, program: findPlugin('dhcp', folders) }
}

/** As the reference plugin builds it, so that servers know a container again. */
function defaultClientId({ container, network, ifname }: LeaseOwner): string {
  const bytes = Buffer.from(`${container}/${network}/${ifname}`).subarray(0, longestIdBytes)
  return Buffer.concat([Buffer.from([0]), bytes]).toString('hex')
}

interface AskedOptions {
  readonly clientId?: string
  readonly wanted: readonly number[]
  readonly provided: readonly (readonly [number, string])[]
}

/** `provide` and `request`. @throws CniError 7 */
function optionsOf({ call, conf }: Request): AskedOptions {
  const { ipam } = conf
  const number = (text: string): number => {
    const found = optionNumber(text)
    if (found === undefined) throw cniError('config', `Can not parse option: ${JSON.stringify(text)}`)
    return found
  }
  const args = looseArgs(call.args)
  const provided = new Map<number, string>()
  for (const entry of ipam?.objects('provide') ?? []) {
    const option = number(entry.string('option') ?? '')
    const given = [entry.string('value') ?? '', args.get(entry.string('fromArg') ?? '') ?? '']
    for (const value of given.filter((one) => one !== '')) {
      if (Buffer.byteLength(value) > longestValueBytes)
        throw cniError('config', `value too long for option ${option}: ${JSON.stringify(value)}`)
      provided.set(option, Buffer.from(value).toString('hex'))
    }
  }
  const requested = ipam?.objects('request') ?? []
  const byDefault = requested.some((entry) => entry.boolean('skipDefault') === true)
    ? []
    : [dhcpOptions.subnetMask, dhcpOptions.routers]
  const named = requested.flatMap((entry) =>
    entry.has('option') ? [number(entry.string('option') ?? '')] : [],
  )
  const clientId = provided.get(dhcpOptions.clientId)
  provided.delete(dhcpOptions.clientId)
  return {
    ...(clientId === undefined ? {} : { clientId }),
    wanted: [...new Set([...byDefault, ...named])],
    provided: [...provided],
  }
}

/** Any key may be one that `fromArg` names: what other plugins would refuse passes. */
function looseArgs(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split(';').flatMap((pair) => {
      const at = pair.indexOf('=')
      return at < 0 ? [] : [[pair.slice(0, at), pair.slice(at + 1)] as const]
    }),
  )
}

function resultOf({ conf }: Request, lease: Lease): CniResult {
  const { address, gateway, routes, nameServers, domain, search } = lease
  const priority = conf.ipam?.integer('priority') ?? 0
  return {
    ...emptyResult,
    ips: [{ address, ...(gateway === undefined ? {} : { gateway }) }],
    routes: routes.map(({ to: dst, via: gw }) => ({
      dst,
      // Without a router: reached by the link itself, whatever gateway there is.
      ...(gw === undefined ? { scope: linkScope } : { gw }),
      ...(priority === 0 ? {} : { priority }),
    })),
    dns: {
      ...(nameServers.length === 0 ? {} : { nameservers: nameServers }),
      ...(domain === undefined ? {} : { domain }),
      ...(search.length === 0 ? {} : { search }),
    },
  }
}

const linkScope = 253
