/**
 * `vlan`: see README.md.
 *
 * @module
 */

import { cniError, interfacePlugin, linkOptions, type Plugin } from '../../lib/adapters/cni/index.ts'

/** A VLAN of a device of the host. */
export const vlan: Plugin = interfacePlugin({
  type: 'vlan',
  about: 'gives the container a VLAN of a device of the host',
  ipam: 'required',
  freeFirst: 'ipam',
  options: (request, addressing, expected) => {
    const { fields } = request.conf
    if ((fields.string('master') ?? '') === '')
      throw cniError(
        'config',
        '"master" field is required. It specifies the host interface name to create the VLAN for.',
      )
    const vlanId = fields.integer('vlanId') ?? 0
    if (vlanId < 0 || vlanId > 4094)
      throw cniError('config', `invalid VLAN ID ${vlanId} (must be between 0 and 4094 inclusive)`)
    return { ...linkOptions(request, addressing, expected), vlanId }
  },
})
