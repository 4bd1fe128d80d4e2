/**
 * What is chosen about the links of one endpoint: the name of its host end, its
 * MTU, and who keeps it from its neighbours.
 *
 * @module
 */

import { fail } from '../../errors/codes.ts'
import { familyOf } from '../../model/address.ts'
import type { EndpointRequest } from '../../model/attachment.ts'
import { type EndpointNames, hostIfname } from '../../model/names.ts'
import type { NetworkConfig } from '../../model/network.ts'
import { MIN_IPV6_MTU_BYTES } from '../../model/specs/scalar.ts'
import type { EngineContext } from '../context.ts'

const hostIfnameTries = 8

/** The name asked for, with a number where it wants one; else one of ours. */
export function chooseHostIfname(
  context: EngineContext,
  asked: string | undefined,
  names: EndpointNames,
): string {
  if (asked === undefined) return freeHostIfname(context, names)
  if (!asked.endsWith('%d')) return asked
  const head = asked.slice(0, -2)
  for (let number = 0; ; number++) {
    if (!context.kernel.hasHostLink(`${head}${number}`)) return `${head}${number}`
  }
}

/** Five digits of a hash meet now and then among containers whose names begin alike. */
export function freeHostIfname({ kernel }: EngineContext, names: EndpointNames): string {
  for (let attempt = 0; ; attempt++) {
    const name = hostIfname(names, { attempt })
    if (attempt === hostIfnameTries || !kernel.hasHostLink(name)) return name
  }
}

/** The MTU a new endpoint gets: the network's own, else that of the host's way out, as far as IPv6 allows. */
export async function bridgeMtu(context: EngineContext, config: NetworkConfig): Promise<number> {
  if (config.options.mtuBytes !== undefined) return config.options.mtuBytes
  const wayOut = (await context.kernel.wayOut(4)) ?? (await context.kernel.wayOut(6))
  const six = config.subnets.some(({ subnet }) => familyOf(subnet) === 6)
  return Math.max(wayOut?.mtuBytes ?? 1500, six ? MIN_IPV6_MTU_BYTES : 0)
}

/**
 * The MTU an endpoint asks for itself.
 *
 * @throws TSNET_BAD_VALUE (invalid) below 1280 bytes with IPv6, which the kernel would switch off
 */
export function askedMtu({ mtuBytes = 0 }: EndpointRequest, { name, subnets }: NetworkConfig): number {
  const six = subnets.some(({ subnet }) => familyOf(subnet) === 6)
  if (mtuBytes >= MIN_IPV6_MTU_BYTES || !six) return mtuBytes
  throw fail('TSNET_BAD_VALUE', {
    message: `reading mtu: network ${name} has IPv6, which needs ${MIN_IPV6_MTU_BYTES} bytes; ${mtuBytes} were given`,
    field: 'mtu',
    value: mtuBytes,
    hint: 'raise the MTU, or use a network without IPv6',
  })
}

/** Whether rules, and not the bridge, can keep containers of a network with icc=false apart (lib/firewall/README.md, limits). */
export function rulesSeeBridge({ kernel }: EngineContext, { options }: NetworkConfig): boolean {
  if (options.icc) return false
  const keys = ['net/bridge/bridge-nf-call-iptables', 'net/bridge/bridge-nf-call-ip6tables']
  return [...kernel.hostSysctls(keys).values()].every((value) => value === '1')
}
