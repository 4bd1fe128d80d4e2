/**
 * `dummy`: see README.md.
 *
 * @module
 */

import { interfacePlugin, linkOptions, type Plugin } from '../../lib/adapters/cni/index.ts'

/** An interface that leads nowhere. */
export const dummy: Plugin = interfacePlugin({
  type: 'dummy',
  about: 'gives the container an interface that leads nowhere',
  ipam: 'required',
  freeFirst: 'ipam',
  options: (request, addressing, expected) => {
    return linkOptions(request, addressing, expected)
  },
})
