/**
 * Plugins that make an interface: addresses from IPAM, the part from the
 * engine, one result. What they differ in is their options.
 *
 * @module
 */

import type { PartInterface, PartOptions, PartRequest, PartType } from '../../engine/plugins.ts'
import {
  type Addressing,
  addressingOf,
  checkPart,
  type Expected,
  expectedOf,
  gcParts,
  idOf,
  requireSameSandbox,
  shownOf,
  statusOfPart,
  toInterfaces,
} from './chain.ts'
import { cniError } from './errors.ts'
import { asksOverLink, hasIpam, ipamAdd, ipamCheck, ipamDel, ipamGc, ipamStatus } from './ipam.ts'
import { definePlugin, type Plugin, type Request } from './plugin.ts'
import { type CniResult, emptyResult } from './result.ts'
import { allVersions } from './versions.ts'

export interface InterfacePlugin<T extends PartType> {
  readonly type: T
  readonly about: string
  readonly ipam: 'required' | 'optional'
  /** Address first or link first on the way down. Default: the link, so that no address is given away in use. */
  readonly freeFirst?: 'ipam'
  /** It cannot be made without them. */
  readonly addressesFirst?: true
  /** @throws CniError 7 for keys that cannot be */
  options(request: Request, addressing: Addressing, expected: Expected | undefined): PartOptions[T]
  /** Gateways and routes that the plugin adds to what IPAM gave. */
  complete?(request: Request, ipam: CniResult): CniResult
  /** The link `tsnet ls` names as the other side. */
  bridge?(request: Request): string
}

const nowhere: Addressing = { addresses: [], routes: [] }

export function interfacePlugin<T extends PartType>(kind: InterfacePlugin<T>): Plugin {
  const { type } = kind
  const optionsNow = (request: Request): PartOptions[T] => kind.options(request, nowhere, expectedOf(request))
  return definePlugin({
    type,
    about: kind.about,
    versions: allVersions,
    add: (request) => add(kind, request),
    del: async (request) => {
      const { call } = request
      const link = async (): Promise<void> =>
        (await request.engine()).parts.remove({
          type,
          id: idOf(request),
          options: optionsNow(request),
          netns: call.netns,
        })
      const ipamFirst = kind.freeFirst === 'ipam' || asksOverLink(request)
      const order = ipamFirst ? [ipamDel, link] : [link, ipamDel]
      const errors: unknown[] = []
      for (const free of order) await free(request).catch((error: unknown) => errors.push(error))
      if (errors.length > 0) throw errors[0]
    },
    check: async (request) => {
      await ipamCheck(request)
      requireSameSandbox(request)
      await checkPart(request, type, optionsNow(request))
    },
    gc: async (request) => {
      const errors: unknown[] = []
      const links = (): Promise<void> => gcParts(request, type, optionsNow(request))
      const order = asksOverLink(request) ? [ipamGc, links] : [links, ipamGc]
      for (const free of order) await free(request).catch((error: unknown) => errors.push(error))
      if (errors.length > 0) throw errors[0]
    },
    status: async (request) => {
      await statusOfPart(request, type, optionsNow(request))
      await ipamStatus(request)
    },
  })
}

async function add<T extends PartType>(kind: InterfacePlugin<T>, request: Request): Promise<CniResult> {
  if (kind.ipam === 'required' && !hasIpam(request)) throw cniError('config', 'IPAM config missing')
  // Keys that cannot be are told before anything is taken.
  kind.options(request, nowhere, undefined)
  if (asksOverLink(request)) return addLinkFirst(kind, request)
  const engine = await request.engine()
  const leased = await ipamAdd(request)
  try {
    const result = kind.complete?.(request, leased) ?? leased
    const made = await engine.parts.add(partRequest(kind, request, result))
    return finished(request, result, made)
  } catch (error) {
    await giveBack(request)
    throw error
  }
}

/** Link, address over the link, address set up. */
async function addLinkFirst<T extends PartType>(
  kind: InterfacePlugin<T>,
  request: Request,
): Promise<CniResult> {
  if (kind.addressesFirst === true)
    throw cniError(
      'config',
      `${kind.type} needs its addresses before it makes its interface: no dhcp with it`,
    )
  const { parts } = await request.engine()
  const made = await parts.add(partRequest(kind, request, emptyResult))
  try {
    const leased = await ipamAdd(request)
    const result = kind.complete?.(request, leased) ?? leased
    const mac = made.find(({ inSandbox }) => inSandbox)?.mac
    const whole = partRequest(kind, request, result)
    await parts.address({ ...whole, options: { ...whole.options, ...(mac === undefined ? {} : { mac }) } })
    return finished(request, result, made)
  } catch (error) {
    await giveBack(request)
    await parts
      .remove(partRequest(kind, request, emptyResult))
      .catch((failure: unknown) => request.log(`removing the interface: ${String(failure)}`))
    throw error
  }
}

function partRequest<T extends PartType>(
  kind: InterfacePlugin<T>,
  request: Request,
  result: CniResult,
): PartRequest<T> {
  return {
    type: kind.type,
    id: idOf(request),
    options: kind.options(request, addressingOf(result), undefined),
    netns: request.call.netns,
    shown: shownOf(request, result, kind.bridge?.(request)),
  }
}

function finished({ call, conf }: Request, result: CniResult, made: readonly PartInterface[]): CniResult {
  const interfaces = toInterfaces(made, call.netns)
  const inside = interfaces.findIndex(({ sandbox }) => sandbox !== undefined)
  return {
    interfaces,
    ips: result.ips.map((ip) => ({ ...ip, ...(inside < 0 ? {} : { interface: inside }) })),
    routes: result.routes,
    dns: Object.keys(conf.dns).length > 0 ? conf.dns : result.dns,
  }
}

async function giveBack(request: Request): Promise<void> {
  await ipamDel(request).catch((failure: unknown) =>
    request.log(`giving the address back: ${String(failure)}`),
  )
}
