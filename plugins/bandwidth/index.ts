/**
 * `bandwidth`: see README.md.
 *
 * @module
 */

import { bandwidthOf, chainedPlugin, type Plugin, versionsFrom } from '../../lib/adapters/cni/index.ts'

/** What the container sends and gets is limited. */
export const bandwidth: Plugin = chainedPlugin({
  type: 'bandwidth',
  about: 'limits what the container sends and gets',
  versions: versionsFrom('0.3.0'),
  options: ({ conf }) => bandwidthOf(conf.fields, conf.runtimeConfig.object('bandwidth')),
})
