/**
 * Every part there is, in one list.
 *
 * @module
 */

import { type BridgePartOptions, bridgePart } from './bridge.ts'
import { type FirewallPartOptions, firewallPart } from './firewall.ts'
import { loopbackPart } from './loopback.ts'
import type { PartPlanner } from './part.ts'
import { type PortmapPartOptions, portmapPart } from './portmap.ts'

export interface PartOptions {
  readonly bridge: BridgePartOptions
  readonly firewall: FirewallPartOptions
  readonly loopback: Readonly<Record<string, never>>
  readonly portmap: PortmapPartOptions
}

export type PartType = keyof PartOptions

export const parts: { readonly [T in PartType]: PartPlanner<PartOptions[T]> } = {
  bridge: bridgePart,
  firewall: firewallPart,
  loopback: loopbackPart,
  portmap: portmapPart,
}
