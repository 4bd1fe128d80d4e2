/**
 * Between results of the protocol and parts of the engine: what the plugins
 * before have made, and GC by records.
 *
 * @module
 */

import type { PartId, PartInterface, PartOptions, PartType } from '../../engine/plugins.ts'
import { type Cidr, familyOf, type Mac, parseMac } from '../../model/address.ts'
import type { PortBinding } from '../../model/portmapping.ts'
import { readArgs } from './environment.ts'
import { CniError, cniCodes, cniError } from './errors.ts'
import type { Request } from './plugin.ts'
import type { CniInterface, CniIp, CniResult, CniRoute } from './result.ts'

export interface Addressing {
  readonly addresses: readonly { readonly cidr: Cidr; readonly gateway?: NonNullable<CniIp['gateway']> }[]
  readonly routes: readonly {
    readonly to: Cidr
    readonly via?: NonNullable<CniIp['gateway']>
    readonly mtu?: number
    readonly advmss?: number
    readonly metric?: number
    readonly table?: number
    readonly scope?: number
  }[]
}

export interface Expected extends Addressing {
  readonly mac?: string
  readonly interfaces: readonly {
    readonly name: string
    readonly mac?: string
    readonly inSandbox: boolean
  }[]
}

export function idOf({ call, conf }: Request): PartId {
  return { network: conf.name, container: call.containerId, ifname: call.ifname }
}

export function addressingOf({ ips, routes }: Pick<CniResult, 'ips' | 'routes'>): Addressing {
  return {
    addresses: ips.map(({ address: cidr, gateway }) => ({
      cidr,
      ...(gateway === undefined ? {} : { gateway }),
    })),
    routes: routes.map(routeOf),
  }
}

function routeOf({ dst: to, gw: via, priority: metric, ...rest }: CniRoute): Addressing['routes'][number] {
  return { to, ...(via === undefined ? {} : { via }), ...(metric === undefined ? {} : { metric }), ...rest }
}

/** The addresses of this call's interface in the previous result. */
export function ownIps({ call, conf }: Request): readonly CniIp[] {
  const previous = conf.prevResult
  if (previous === undefined) return []
  return previous.ips.filter(({ interface: index }) => {
    const named = index === undefined ? undefined : previous.interfaces[index]
    // Older results do not say; then all are meant.
    return named === undefined || (named.name === call.ifname && (named.sandbox ?? '') !== '')
  })
}

export function expectedOf(request: Request): Expected | undefined {
  const { call, conf } = request
  const previous = conf.prevResult
  if (previous === undefined) return undefined
  const own = previous.interfaces.find(({ name, sandbox }) => name === call.ifname && (sandbox ?? '') !== '')
  return {
    ...addressingOf({ ips: ownIps(request), routes: previous.routes }),
    ...(own?.mac === undefined ? {} : { mac: own.mac }),
    interfaces: previous.interfaces.map(({ name, mac, sandbox }) => ({
      name,
      ...(mac === undefined ? {} : { mac }),
      inSandbox: (sandbox ?? '') !== '',
    })),
  }
}

/**
 * A plugin that must come after others.
 *
 * @throws CniError 7
 */
export function requirePrevious({ conf }: Request): CniResult {
  if (conf.prevResult === undefined) throw cniError('config', 'must be called as chained plugin')
  return conf.prevResult
}

/** @throws CniError 999 where CHECK is called for another namespace than ADD was */
export function requireSameSandbox(request: Request): void {
  const { call, conf } = request
  const own = conf.prevResult?.interfaces.find(
    ({ name, sandbox }) => name === call.ifname && (sandbox ?? '') !== '',
  )
  if (own?.sandbox !== undefined && own.sandbox !== call.netns)
    throw cniError(
      'other',
      `Sandbox in prevResult ${own.sandbox} doesn't match configured netns: ${call.netns}`,
    )
}

export function toInterfaces(made: readonly PartInterface[], netns: string): readonly CniInterface[] {
  return made.map(({ name, mac, mtu, inSandbox }) => ({
    name,
    ...(mac === undefined ? {} : { mac }),
    ...(mtu === undefined ? {} : { mtu }),
    ...(inSandbox ? { sandbox: netns } : {}),
  }))
}

/** The runtime's wish, then `args.cni`, then `CNI_ARGS`, then the configuration's. @throws CniError 7 */
export function wantedMac({ call, conf }: Request): Mac | undefined {
  const text = [
    conf.runtimeConfig.string('mac'),
    conf.args.string('mac'),
    readArgs(call.args, ['MAC', 'IP', 'GATEWAY'])['MAC'],
    conf.fields.string('mac'),
  ].find((one) => one !== undefined && one !== '')
  if (text === undefined) return undefined
  const mac = parseMac(text)
  if (mac === undefined) throw cniError('config', `invalid MAC address: ${text}`)
  return mac
}

/** `mtu`, which may be 0 for "as it comes". @throws CniError 7 */
export function wantedMtu({ conf }: Request): number | undefined {
  const mtu = conf.fields.integer('mtu') ?? 0
  if (mtu < 0 || mtu > 65_535) throw cniError('config', `invalid MTU ${mtu}, must be [0, 65535]`)
  return mtu === 0 ? undefined : mtu
}

/** What lists show of an interface. */
export function shownOf(
  request: Request,
  result: Pick<CniResult, 'ips' | 'routes'>,
  bridge?: string,
  ports: readonly PortBinding[] = [],
): NonNullable<Parameters<Awaited<ReturnType<Request['engine']>>['parts']['add']>[0]['shown']> {
  return {
    network: request.conf.name,
    driver: 'bridge',
    ifname: request.call.ifname,
    ...(bridge === undefined ? {} : { bridge }),
    addresses: result.ips.map(({ address }) => address),
    gateways: result.ips.flatMap(({ gateway }) => gateway ?? []),
    aliases: [],
    defaultRoute: [
      ...new Set(result.routes.filter(({ dst }) => dst.endsWith('/0')).map(({ dst }) => familyOf(dst))),
    ],
    ports,
    firewall: 'none',
  }
}

/** STATUS in one call. @throws CniError 50, or 51 where what is attached suffers too */
export async function statusOfPart<T extends PartType>(
  request: Request,
  type: T,
  options: PartOptions[T],
): Promise<void> {
  const found = await (await request.engine()).parts.obstacle(type, options)
  if (found === undefined) return
  throw cniError(found.cutsOff ? 'limited' : 'notAvailable', `${type}: ${found.reason}`)
}

/** CHECK in one call. @throws CniError 999 naming the first thing that is wrong, the rest in its details */
export async function checkPart<T extends PartType>(
  request: Request,
  type: T,
  options: PartOptions[T],
): Promise<void> {
  const engine = await request.engine()
  const faults = await engine.parts.check({ type, id: idOf(request), options, netns: request.call.netns })
  const [first, ...rest] = faults
  if (first !== undefined)
    throw new CniError(cniCodes.other, first, rest.length === 0 ? undefined : rest.join('; '))
}

/** Goes on over errors and throws the first at the end. */
export async function gcParts<T extends PartType>(
  request: Request,
  type: T,
  options: PartOptions[T],
): Promise<void> {
  const engine = await request.engine()
  const errors: unknown[] = []
  for (const id of await engine.parts.list(type, request.conf.name, options)) {
    const living = request.conf.valid.some(
      ({ containerID, ifname }) => containerID === id.container && (id.ifname === '' || ifname === id.ifname),
    )
    if (living) continue
    try {
      await engine.parts.remove({ type, id, options, netns: '' })
    } catch (error) {
      errors.push(error)
    }
  }
  if (errors.length > 0) throw errors[0]
}
