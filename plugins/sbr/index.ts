/**
 * `sbr`: see README.md.
 *
 * @module
 */

import {
  addressingOf,
  allVersions,
  chainedPlugin,
  ownIps,
  type Plugin,
  readAddresses,
} from '../../lib/adapters/cni/index.ts'

/** Packets leave by the interface whose address they carry. */
export const sbr: Plugin = chainedPlugin({
  type: 'sbr',
  about: 'routes by source address',
  versions: allVersions,
  options: (request) => {
    const { fields } = request.conf
    const table = fields.integer('table')
    return {
      ...(table === undefined ? {} : { table }),
      addresses: addressingOf({ ips: ownIps(request), routes: [] }).addresses,
      gateways: fields.has('gateways') ? readAddresses(fields, 'gateways') : [],
      sourceHints: fields.boolean('addSourceHints') ?? false,
    }
  },
})
