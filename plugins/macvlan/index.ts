/**
 * `macvlan`: see README.md.
 *
 * @module
 */

import { cniError, interfacePlugin, linkOptions, type Plugin } from '../../lib/adapters/cni/index.ts'

/** A MAC of its own on a device of the host. */
export const macvlan: Plugin = interfacePlugin({
  type: 'macvlan',
  about: 'gives the container a MAC of its own on a device of the host',
  ipam: 'optional',
  freeFirst: 'ipam',
  options: (request, addressing, expected) => {
    const { fields } = request.conf
    const mode = fields.string('mode') || 'bridge'
    if (!['bridge', 'private', 'vepa', 'passthru'].includes(mode))
      throw cniError('config', `unknown macvlan mode: "${mode}"`)
    const bcQueueLength = fields.integer('bcqueuelen') ?? 0
    return {
      ...linkOptions(request, addressing, expected),
      mode,
      ...(bcQueueLength === 0 ? {} : { bcQueueLength }),
    }
  },
})
