/**
 * `tsnet`: see README.md.
 *
 * @module
 */

import {
  allVersions,
  CniError,
  type CniIp,
  type CniResult,
  cniCodes,
  cniError,
  definePlugin,
  ipamAdd,
  ipamCheck,
  ipamDel,
  ipamGc,
  ipamStatus,
  type Plugin,
  type Request,
} from '../../lib/adapters/cni/index.ts'
import type { Attachment, ContainerNetwork } from '../../lib/index.ts'
import { attachRequest, ownIpam } from './request.ts'

async function add(request: Request): Promise<CniResult> {
  const { call, conf } = request
  const engine = await request.engine()
  const leased = ownIpam(request) ? undefined : await ipamAdd(request)
  let made: ContainerNetwork
  try {
    made = await engine.attach(attachRequest(request, leased))
  } catch (error) {
    if (leased !== undefined) await ipamDel(request).catch(() => undefined)
    throw error
  }
  const [attachment] = made.attachments
  if (attachment === undefined) throw cniError('other', 'nothing was attached')
  return resultOf(request, made, attachment, leased, conf.dns, call.netns)
}

function resultOf(
  request: Request,
  made: ContainerNetwork,
  attachment: Attachment,
  leased: CniResult | undefined,
  dns: CniResult['dns'],
  sandbox: string,
): CniResult {
  const { bridge, hostIfname, ifname, mac, mtuBytes: mtu, addresses, gateways, defaultRoute } = attachment
  const gatewayOf = (address: string) => gateways.find((one) => one.includes(':') === address.includes(':'))
  const ips = addresses.map((address): CniIp => {
    const gateway = leased?.ips.find((ip) => ip.address === address)?.gateway ?? gatewayOf(address)
    return { address, interface: 2, ...(gateway === undefined ? {} : { gateway }) }
  })
  const own = defaultRoute.flatMap((family) => {
    const dst = (family === 4 ? '0.0.0.0/0' : '::/0') as CniResult['routes'][number]['dst']
    const gw = gateways.find((one) => one.includes(':') === (family === 6))
    return leased?.routes.some((route) => route.dst === dst)
      ? []
      : [{ dst, ...(gw === undefined ? {} : { gw }) }]
  })
  const named = request.conf.fields.boolean('names') === true
  const { servers, search } = made.resolver
  return {
    interfaces: [{ name: bridge }, { name: hostIfname, mtu }, { name: ifname, mac, mtu, sandbox }],
    ips,
    routes: [...(leased?.routes ?? []), ...own],
    dns:
      Object.keys(dns).length > 0
        ? dns
        : named
          ? { nameservers: servers, ...(search.length === 0 ? {} : { search }) }
          : (leased?.dns ?? {}),
  }
}

async function check(request: Request): Promise<void> {
  const { call, conf } = request
  if (!ownIpam(request)) await ipamCheck(request)
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
  if (!ownIpam(request)) await ipamGc(request).catch((error: unknown) => errors.push(error))
  if (errors.length > 0) throw errors[0]
}

/** Bridge, addresses, published ports, packet rules, settings and names in one call. */
export const tsnet: Plugin = definePlugin({
  type: 'tsnet',
  about: 'bridge, addresses, published ports, packet rules, settings and names in one call',
  versions: allVersions,
  add,
  del: async (request) => {
    const engine = await request.engine()
    await engine.detach(request.call.containerId, request.call.ifname)
    if (!ownIpam(request)) await ipamDel(request)
  },
  check,
  gc,
  status: async (request) => {
    attachRequest(request, undefined)
    await request.engine()
    if (!ownIpam(request)) await ipamStatus(request)
  },
})
