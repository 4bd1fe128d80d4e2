/**
 * `static`: addresses that stand in the configuration or come with the call.
 *
 * @module
 */

import { type Address, type Cidr, familyOf, parseAddress, parseCidr } from '../../model/address.ts'
import { readArgs } from './environment.ts'
import { cniError } from './errors.ts'
import type { Request } from './plugin.ts'
import { type CniIp, type CniResult, decodeDns, decodeRoute } from './result.ts'

export function staticAdd({ call, conf }: Request): CniResult {
  const { ipam } = conf
  if (ipam === undefined) throw cniError('config', "IPAM config missing 'ipam' key")
  const ips = addressesOf({ call, conf })
  return {
    interfaces: [],
    ips,
    routes: ipam.objects('routes').map(({ json }) => decodeRoute(json)),
    dns: decodeDns(ipam.value('dns')),
  }
}

/** @throws CniError 999 where the result of ADD lacks an address */
export function staticCheck(request: Request): void {
  const previous = request.conf.prevResult?.ips ?? []
  for (const { address, gateway } of addressesOf(request)) {
    const found = previous.find((ip) => ip.address === address)
    if (found === undefined)
      throw cniError('other', `static: Failed to find address ${address} in the result`)
    if (gateway !== undefined && found.gateway !== gateway)
      throw cniError(
        'other',
        `static: address ${address} has gateway ${found.gateway ?? 'none'}, not ${gateway}`,
      )
  }
}

/** `runtimeConfig.ips` replaces `args.cni.ips`, which replaces the configuration's; those of `CNI_ARGS` are added. */
function addressesOf({ call, conf }: Pick<Request, 'call' | 'conf'>): readonly CniIp[] {
  const { ipam, runtimeConfig, args } = conf
  const given = [runtimeConfig.strings('ips'), args.strings('ips')].find((ips) => ips.length > 0)
  const fixed = (ipam?.objects('addresses') ?? []).map((fields): CniIp => {
    const address = fields.cidr('address')
    if (address === undefined) throw fields.wrong('address', 'an address with a prefix length')
    const gateway = fields.address('gateway')
    return { address, ...(gateway === undefined ? {} : { gateway }) }
  })
  const { IP = '', GATEWAY = '' } = readArgs(call.args, ['IP', 'GATEWAY', 'MAC'])
  const gateways = split(GATEWAY).map((text) => {
    const address = parseAddress(text)
    if (address === undefined)
      throw cniError('environment', `GATEWAY: invalid address ${JSON.stringify(text)}`)
    return address
  })
  const ips = [
    ...(given?.map((text): CniIp => ({ address: cidr(text, 'ips') })) ?? fixed),
    ...split(IP).map((text): CniIp => ({ address: cidr(text, 'IP') })),
  ]
  return ips.map((ip) => withGateway(ip, gateways))
}

const split = (text: string): readonly string[] => (text === '' ? [] : text.split(','))

function withGateway(ip: CniIp, gateways: readonly Address[]): CniIp {
  const gateway = gateways.find((address) => familyOf(address) === familyOf(ip.address))
  return ip.gateway === undefined && gateway !== undefined ? { ...ip, gateway } : ip
}

function cidr(text: string, what: string): Cidr {
  const parsed = parseCidr(text.trim())
  if (parsed === undefined)
    throw cniError('config', `${what}: ${JSON.stringify(text)} is no address with a prefix length`)
  return parsed
}
