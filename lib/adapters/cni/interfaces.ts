/**
 * Plugins that make an interface: addresses from IPAM, the part from the
 * engine, one result. What they differ in is their options.
 *
 * @module
 */

import type { PartOptions, PartType } from '../../engine/plugins.ts'
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
  toInterfaces,
} from './chain.ts'
import { cniError } from './errors.ts'
import { hasIpam, ipamAdd, ipamCheck, ipamDel, ipamGc, ipamStatus } from './ipam.ts'
import { definePlugin, type Plugin, type Request } from './plugin.ts'
import type { CniResult } from './result.ts'
import { allVersions } from './versions.ts'

export interface InterfacePlugin<T extends PartType> {
  readonly type: T
  readonly about: string
  readonly ipam: 'required' | 'optional'
  /** Address first or link first on the way down. Default: the link, so that no address is given away in use. */
  readonly freeFirst?: 'ipam'
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
      const order = kind.freeFirst === 'ipam' ? [ipamDel, link] : [link, ipamDel]
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
      await gcParts(request, type, optionsNow(request)).catch((error: unknown) => errors.push(error))
      await ipamGc(request).catch((error: unknown) => errors.push(error))
      if (errors.length > 0) throw errors[0]
    },
    status: async (request) => {
      optionsNow(request)
      await ipamStatus(request)
    },
  })
}

async function add<T extends PartType>(kind: InterfacePlugin<T>, request: Request): Promise<CniResult> {
  const { call, conf } = request
  if (kind.ipam === 'required' && !hasIpam(request)) throw cniError('config', 'IPAM config missing')
  // Keys that cannot be are told before anything is taken.
  kind.options(request, nowhere, undefined)
  const engine = await request.engine()
  const leased = await ipamAdd(request)
  try {
    const result = kind.complete?.(request, leased) ?? leased
    const made = await engine.parts.add({
      type: kind.type,
      id: idOf(request),
      options: kind.options(request, addressingOf(result), undefined),
      netns: call.netns,
      shown: shownOf(request, result, kind.bridge?.(request)),
    })
    const interfaces = toInterfaces(made, call.netns)
    const inside = interfaces.findIndex(({ sandbox }) => sandbox !== undefined)
    return {
      interfaces,
      ips: result.ips.map((ip) => ({ ...ip, ...(inside < 0 ? {} : { interface: inside }) })),
      routes: result.routes,
      dns: Object.keys(conf.dns).length > 0 ? conf.dns : result.dns,
    }
  } catch (error) {
    await ipamDel(request).catch((failure: unknown) =>
      request.log(`giving the address back: ${String(failure)}`),
    )
    throw error
  }
}
