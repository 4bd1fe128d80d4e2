/**
 * Every plugin by its type; loaded when it is called.
 *
 * @module
 */

import type { Plugin } from '../lib/adapters/cni/index.ts'

/** Name of the executable to the module with its plugin. */
export const plugins: Readonly<Record<string, () => Promise<Plugin>>> = {
  bandwidth: async () => (await import('./bandwidth/index.ts')).bandwidth,
  bridge: async () => (await import('./bridge/index.ts')).bridge,
  dhcp: async () => (await import('./dhcp/index.ts')).dhcp,
  dns: async () => (await import('./dns/index.ts')).dns,
  dummy: async () => (await import('./dummy/index.ts')).dummy,
  firewall: async () => (await import('./firewall/index.ts')).firewall,
  'host-device': async () => (await import('./host-device/index.ts')).hostDevice,
  'host-local': async () => (await import('./host-local/index.ts')).hostLocal,
  ipvlan: async () => (await import('./ipvlan/index.ts')).ipvlan,
  loopback: async () => (await import('./loopback/index.ts')).loopback,
  macvlan: async () => (await import('./macvlan/index.ts')).macvlan,
  portmap: async () => (await import('./portmap/index.ts')).portmap,
  ptp: async () => (await import('./ptp/index.ts')).ptp,
  sbr: async () => (await import('./sbr/index.ts')).sbr,
  static: async () => (await import('./static/index.ts')).staticPlugin,
  tap: async () => (await import('./tap/index.ts')).tap,
  tsnet: async () => (await import('./tsnet/index.ts')).tsnet,
  tuning: async () => (await import('./tuning/index.ts')).tuning,
  vlan: async () => (await import('./vlan/index.ts')).vlan,
  vrf: async () => (await import('./vrf/index.ts')).vrf,
}
