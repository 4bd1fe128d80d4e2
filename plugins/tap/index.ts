/**
 * `tap`: see README.md.
 *
 * @module
 */

import { interfacePlugin, linkOptions, type Plugin } from '../../lib/adapters/cni/index.ts'

/** A tap device. */
export const tap: Plugin = interfacePlugin({
  type: 'tap',
  about: 'gives the container a tap device',
  ipam: 'optional',
  freeFirst: 'ipam',
  options: (request, addressing, expected) => {
    const { fields } = request.conf
    const [owner, group, bridge] = [fields.integer('owner'), fields.integer('group'), fields.string('bridge')]
    return {
      ...linkOptions(request, addressing, expected),
      multiQueue: fields.boolean('multiQueue') ?? false,
      ...(owner === undefined ? {} : { owner }),
      ...(group === undefined ? {} : { group }),
      ...(bridge === undefined || bridge === '' ? {} : { bridge }),
    }
  },
})
