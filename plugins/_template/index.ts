/**
 * `template`: copy this folder, give it the plugin's name, add it to
 * ../registry.ts. See README.md.
 *
 * @module
 */

import { allVersions, definePlugin, type Plugin, requirePrevious } from '../../lib/adapters/cni/index.ts'

/** A chained plugin that changes nothing. All five functions are required. */
export const template: Plugin = definePlugin({
  type: 'template',
  about: 'passes the result on',
  versions: allVersions,
  add: async (request) => requirePrevious(request),
  // Never fails because something is gone.
  del: async () => undefined,
  check: async () => undefined,
  // Removes what belongs to `request.conf.name` and to none of `request.conf.valid`.
  gc: async () => undefined,
  // Throws cniError('notAvailable', …) when ADD would fail.
  status: async () => undefined,
})
