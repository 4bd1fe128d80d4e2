/**
 * `vrf`: see README.md.
 *
 * @module
 */

import { chainedPlugin, cniError, type Plugin, versionsFrom } from '../../lib/adapters/cni/index.ts'

/** The interface becomes a port of a VRF. */
export const vrf: Plugin = chainedPlugin({
  type: 'vrf',
  about: 'puts the interface into a VRF',
  versions: versionsFrom('0.3.1'),
  options: ({ conf }) => {
    const vrf = conf.fields.string('vrfname') ?? ''
    if (vrf === '') throw cniError('config', 'configuration is expected to have a valid vrf name')
    const table = conf.fields.integer('table')
    return { vrf, ...(table === undefined || table === 0 ? {} : { table }) }
  },
})
