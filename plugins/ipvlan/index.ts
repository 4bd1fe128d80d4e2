/**
 * `ipvlan`: see README.md.
 *
 * @module
 */

import { cniError, hasIpam, interfacePlugin, linkOptions, type Plugin } from '../../lib/adapters/cni/index.ts'

/** An address of its own on a device of the host. */
export const ipvlan: Plugin = interfacePlugin({
  type: 'ipvlan',
  about: 'gives the container an address on a device of the host, under its MAC',
  ipam: 'optional',
  freeFirst: 'ipam',
  options: (request, addressing, expected) => {
    const mode = request.conf.fields.string('mode') || 'l2'
    if (!['l2', 'l3', 'l3s'].includes(mode)) throw cniError('config', `unknown ipvlan mode: "${mode}"`)
    const options = linkOptions(request, addressing, expected)
    // Chained without a master: on the one interface that is there.
    const [only, ...others] =
      request.conf.prevResult?.interfaces.filter(({ sandbox }) => (sandbox ?? '') === '') ?? []
    const master = options.master ?? (only !== undefined && others.length === 0 ? only.name : undefined)
    return { ...options, mode, ...(master === undefined ? {} : { master }) }
  },
  // Chained without IPAM: what the plugin before has asked for.
  complete: (request, leased) => {
    const { prevResult: previous } = request.conf
    const takesOver = !hasIpam(request) && previous !== undefined && previous.ips.length > 0
    return takesOver ? { ...previous, interfaces: [] } : leased
  },
})
