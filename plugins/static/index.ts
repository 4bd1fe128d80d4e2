/**
 * `static`: see README.md.
 *
 * @module
 */

import { allVersions, definePlugin, type Plugin, staticIpam } from '../../lib/adapters/cni/index.ts'

/** Addresses that stand in the configuration. */
export const staticPlugin: Plugin = definePlugin({
  type: 'static',
  about: 'gives the addresses that stand in the configuration or come with the call',
  versions: allVersions,
  ...staticIpam,
})
