/**
 * Which families of a network are not simply translated: the option
 * `gateway-mode-ipv4` and `-ipv6`, as intents say it.
 *
 * @module
 */

import { type Family, familyOf } from '../model/address.ts'
import type { GatewayMode, NetworkConfig } from '../model/network.ts'

/** Published ports are open at a container's own address of these. */
export function routedFamilies(config: NetworkConfig): readonly Family[] {
  return familiesIn(config, 'routed')
}

/** Members of a network's intent; none where all is as usual. */
export function gatewayModesOf(config: NetworkConfig): {
  readonly routed?: readonly Family[]
  readonly unprotected?: readonly Family[]
} {
  const [routed, unprotected] = [familiesIn(config, 'routed'), familiesIn(config, 'nat-unprotected')]
  return {
    ...(routed.length === 0 ? {} : { routed }),
    ...(unprotected.length === 0 ? {} : { unprotected }),
  }
}

function familiesIn({ subnets, options }: NetworkConfig, mode: GatewayMode): readonly Family[] {
  const modes = { 4: options.gatewayMode4, 6: options.gatewayMode6 }
  return ([4, 6] as const).filter(
    (family) => modes[family] === mode && subnets.some(({ subnet }) => familyOf(subnet) === family),
  )
}
