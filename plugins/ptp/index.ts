/**
 * `ptp`: see README.md.
 *
 * @module
 */

import {
  type CniIp,
  firstAddress,
  interfacePlugin,
  masqueradeBackend,
  type Plugin,
  wantedMac,
  wantedMtu,
} from '../../lib/adapters/cni/index.ts'

/** A pair of interfaces, routed on the host. */
export const ptp: Plugin = interfacePlugin({
  type: 'ptp',
  about: 'connects a container to the host by a pair, without a bridge',
  ipam: 'required',
  addressesFirst: true,
  freeFirst: 'ipam',
  complete: (_, ipam) => ({
    ...ipam,
    ips: ipam.ips.map((ip): CniIp => ({ ...ip, gateway: ip.gateway ?? firstAddress(ip.address) })),
  }),
  options: (request, addressing, expected) => {
    const [mac, mtu, masquerade] = [wantedMac(request), wantedMtu(request), masqueradeBackend(request)]
    return {
      ...addressing,
      ...(expected === undefined ? {} : { expected }),
      ...(mac === undefined ? {} : { mac }),
      ...(mtu === undefined ? {} : { mtu }),
      ...(masquerade === undefined ? {} : { masquerade }),
    }
  },
})
