/**
 * Every part there is, in one list.
 *
 * @module
 */

import { type BandwidthPartOptions, bandwidthPart } from './bandwidth.ts'
import { bridgePart } from './bridge.ts'
import type { BridgePartOptions } from './bridgehost.ts'
import { type DnsPartOptions, dnsPart } from './dns.ts'
import { type FirewallPartOptions, firewallPart } from './firewall.ts'
import { type HostDevicePartOptions, hostDevicePart } from './hostdevice.ts'
import { type LinkPartOptions, linkPart } from './links.ts'
import { loopbackPart } from './loopback.ts'
import { type NetavarkPartOptions, netavarkPart } from './netavark.ts'
import type { PartPlanner } from './part.ts'
import type { PortmapPartOptions } from './portentry.ts'
import { portmapPart } from './portmap.ts'
import { type PtpPartOptions, ptpPart } from './ptp.ts'
import { type SbrPartOptions, sbrPart } from './sbr.ts'
import { type TuningPartOptions, tuningPart } from './tuning.ts'
import { type VrfPartOptions, vrfPart } from './vrf.ts'

export interface PartOptions {
  readonly bandwidth: BandwidthPartOptions
  readonly bridge: BridgePartOptions
  readonly dns: DnsPartOptions
  readonly dummy: LinkPartOptions
  readonly firewall: FirewallPartOptions
  readonly 'host-device': HostDevicePartOptions
  readonly ipvlan: LinkPartOptions
  readonly loopback: Readonly<Record<string, never>>
  readonly macvlan: LinkPartOptions
  readonly netavark: NetavarkPartOptions
  readonly portmap: PortmapPartOptions
  readonly ptp: PtpPartOptions
  readonly sbr: SbrPartOptions
  readonly tap: LinkPartOptions
  readonly tuning: TuningPartOptions
  readonly vlan: LinkPartOptions
  readonly vrf: VrfPartOptions
}

export type PartType = keyof PartOptions

export const parts: { readonly [T in PartType]: PartPlanner<PartOptions[T]> } = {
  bandwidth: bandwidthPart,
  bridge: bridgePart,
  dns: dnsPart,
  dummy: linkPart('dummy'),
  firewall: firewallPart,
  'host-device': hostDevicePart,
  ipvlan: linkPart('ipvlan'),
  loopback: loopbackPart,
  macvlan: linkPart('macvlan'),
  netavark: netavarkPart,
  portmap: portmapPart,
  ptp: ptpPart,
  sbr: sbrPart,
  tap: linkPart('tap'),
  tuning: tuningPart,
  vlan: linkPart('vlan'),
  vrf: vrfPart,
}
