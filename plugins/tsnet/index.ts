/**
 * `tsnet`: see README.md.
 *
 * @module
 */

import {
  allVersions,
  asksOverLink,
  bandwidthOf,
  CniError,
  type CniResult,
  checkPart,
  cniCodes,
  cniError,
  definePlugin,
  gcParts,
  idOf,
  ipamAdd,
  ipamCheck,
  ipamDel,
  ipamGc,
  ipamStatus,
  type Plugin,
  type Request,
} from '../../lib/adapters/cni/index.ts'
import type { ContainerNetwork } from '../../lib/index.ts'
import { attachRequest, ownIpam } from './request.ts'
import { resultOf } from './result.ts'

async function add(request: Request): Promise<CniResult> {
  if (asksOverLink(request))
    throw cniError(
      'config',
      'tsnet needs its addresses before it makes the interface: no dhcp with it',
      'use bridge or macvlan',
    )
  const engine = await request.engine()
  const leased = ownIpam(request) ? undefined : await ipamAdd(request)
  let made: ContainerNetwork
  try {
    made = await engine.attach(attachRequest(request, leased))
  } catch (error) {
    if (leased !== undefined) await ipamDel(request).catch(() => undefined)
    throw error
  }
  await limit(request).catch(async (error: unknown) => {
    await detach(request)
    throw error
  })
  const [attachment] = made.attachments
  if (attachment === undefined) throw cniError('other', 'nothing was attached')
  return resultOf(request, made, attachment, leased)
}

/** What the container sends and gets, where a limit is asked for. */
function limitOf({ conf }: Request): ReturnType<typeof bandwidthOf> | undefined {
  const limit = bandwidthOf(conf.fields, conf.runtimeConfig.object('bandwidth'))
  return limit.ingress === undefined && limit.egress === undefined ? undefined : limit
}

async function limit(request: Request): Promise<void> {
  const options = limitOf(request)
  if (options === undefined) return
  const engine = await request.engine()
  await engine.parts.add({ type: 'bandwidth', id: idOf(request), options, netns: request.call.netns })
}

async function detach(request: Request): Promise<void> {
  const engine = await request.engine()
  const options = limitOf(request)
  if (options !== undefined)
    await engine.parts.remove({ type: 'bandwidth', id: idOf(request), options, netns: '' })
  await engine.detach(request.call.containerId, request.call.ifname)
  if (!ownIpam(request)) await ipamDel(request)
}

async function check(request: Request): Promise<void> {
  const { call, conf } = request
  if (!ownIpam(request)) await ipamCheck(request)
  const limits = limitOf(request)
  if (limits !== undefined) await checkPart(request, 'bandwidth', limits)
  const engine = await request.engine()
  const subject = `${call.containerId}~${call.ifname}`
  const known = (await engine.list()).find(({ container }) => container.id === call.containerId)
  const attachment = known?.attachments.find(({ ifname }) => ifname === call.ifname)
  if (attachment === undefined)
    throw cniError('unknownContainer', `${call.containerId} has no attachment ${call.ifname}`)
  const findings = (await engine.check({ container: call.containerId })).filter(
    (one) => one.subject === subject,
  )
  const lost = (conf.prevResult?.ips ?? [])
    .filter(
      ({ interface: index }) =>
        index === undefined || conf.prevResult?.interfaces[index]?.name === call.ifname,
    )
    .filter(({ address }) => !attachment.addresses.includes(address))
    .map(({ address }) => `address ${address} is not the attachment's`)
  const [first, ...rest] = [...findings.map(({ what }) => what), ...lost]
  if (first !== undefined)
    throw new CniError(cniCodes.other, first, rest.length === 0 ? undefined : rest.join('; '))
}

async function gc(request: Request): Promise<void> {
  const { conf } = request
  const engine = await request.engine()
  const errors: unknown[] = []
  for (const { container, attachments } of await engine.list()) {
    for (const { network, ifname } of attachments) {
      const living = conf.valid.some((one) => one.containerID === container.id && one.ifname === ifname)
      if (living || network !== conf.name || container.labels?.['cni'] === undefined) continue
      await engine.detach(container.id, ifname).catch((error: unknown) => errors.push(error))
    }
  }
  await gcParts(request, 'bandwidth', { shaped: [], unshaped: [] }).catch((error: unknown) =>
    errors.push(error),
  )
  if (!ownIpam(request)) await ipamGc(request).catch((error: unknown) => errors.push(error))
  if (errors.length > 0) throw errors[0]
}

/** Bridge, addresses, published ports, packet rules, settings and names in one call. */
export const tsnet: Plugin = definePlugin({
  type: 'tsnet',
  about: 'bridge, addresses, published ports, packet rules, settings and names in one call',
  versions: allVersions,
  add,
  del: detach,
  check,
  gc,
  status: async (request) => {
    attachRequest(request, undefined)
    limitOf(request)
    const engine = await request.engine()
    if (!ownIpam(request)) await ipamStatus(request)
    const full = ownIpam(request) ? await engine.exhaustedSubnet(request.conf.name) : undefined
    if (full !== undefined) throw cniError('notAvailable', `no addresses left in ${full}`)
  },
})
