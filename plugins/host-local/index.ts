/**
 * `host-local`: see README.md.
 *
 * @module
 */

import { allVersions, definePlugin, hostLocal as ipam, type Plugin } from '../../lib/adapters/cni/index.ts'

/** Addresses from ranges, one file for each lease. */
export const hostLocal: Plugin = definePlugin({
  type: 'host-local',
  about: 'leases addresses from ranges, noted in files of this host',
  versions: allVersions,
  ...ipam,
})
