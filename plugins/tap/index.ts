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
    const context = fields.string('selinuxContext') || undefined
    if (context !== undefined && !/^[\w.-]+(:[\w.,-]+){2,4}$/.test(context))
      throw fields.wrong('selinuxContext', 'an SELinux context, such as system_u:system_r:container_t:s0,')
    return {
      ...linkOptions(request, addressing, expected),
      multiQueue: fields.boolean('multiQueue') ?? false,
      ...(owner === undefined ? {} : { owner }),
      ...(group === undefined ? {} : { group }),
      ...(context === undefined ? {} : { context }),
      ...(bridge === undefined || bridge === '' ? {} : { bridge }),
    }
  },
})
