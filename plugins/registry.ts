/**
 * Every plugin by its type; loaded when it is called.
 *
 * @module
 */

import type { Plugin } from '../lib/adapters/cni/index.ts'

/** Name of the executable to the module with its plugin. */
export const plugins: Readonly<Record<string, () => Promise<Plugin>>> = {
  bridge: async () => (await import('./bridge/index.ts')).bridge,
  firewall: async () => (await import('./firewall/index.ts')).firewall,
  'host-local': async () => (await import('./host-local/index.ts')).hostLocal,
  loopback: async () => (await import('./loopback/index.ts')).loopback,
  portmap: async () => (await import('./portmap/index.ts')).portmap,
  tsnet: async () => (await import('./tsnet/index.ts')).tsnet,
  static: async () => (await import('./static/index.ts')).staticPlugin,
}
