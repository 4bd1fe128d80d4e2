/**
 * `dhcp`: see README.md.
 *
 * @module
 */

import { allVersions, definePlugin, dhcpIpam as ipam, type Plugin } from '../../lib/adapters/cni/index.ts'

/** Addresses from the DHCP server of the network the interface is on. */
export const dhcp: Plugin = definePlugin({
  type: 'dhcp',
  about: "leases addresses from the network's DHCP server",
  versions: allVersions,
  ...ipam,
})
