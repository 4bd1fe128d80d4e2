/**
 * `tsnet cni list`: the attachments CNI engines have noted.
 *
 * @module
 */

import type { CommandDefinition } from '../command.ts'
import { renderCached } from '../print/cni.ts'
import { writeJson } from '../print/json.ts'
import { asLines } from '../print/lines.ts'

export const cniList: CommandDefinition = {
  path: ['cni', 'list'],
  summary: 'list what CNI engines have attached',
  about: 'From the cache every engine shares, /var/lib/cni/results, whoever made the attachment.',
  args: [],
  groups: [],
  onSignal: 'stop',
  run: async ({ globals }, session) => {
    const { listCached } = await import('../../../lib/adapters/cni/runtime.ts')
    const { io, palette } = session
    const { stdout } = io
    const cached = listCached()
    if (globals.json) writeJson(stdout, 'cni list', cached)
    else if (globals.quiet) stdout.write(asLines(cached.map(({ containerId }) => containerId)))
    else if (cached.length > 0) stdout.write(renderCached(cached, stdout, palette))
    return 0
  },
}
