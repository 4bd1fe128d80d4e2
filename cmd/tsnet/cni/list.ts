/**
 * `tsnet cni list`: the attachments CNI engines have noted.
 *
 * @module
 */

import type { CommandDefinition } from '../command.ts'
import { writeJson } from '../print/json.ts'

export const cniList: CommandDefinition = {
  path: ['cni', 'list'],
  summary: 'list what CNI engines have attached',
  about: 'From the cache every engine shares, /var/lib/cni/results, whoever made the attachment.',
  args: [],
  groups: [],
  onSignal: 'stop',
  run: async ({ globals }, session) => {
    const { listCached } = await import('../../../lib/adapters/cni/runtime.ts')
    const { stdout } = session.io
    const cached = listCached()
    if (globals.json) writeJson(stdout, 'cni list', cached)
    else {
      for (const { networkName, containerId, ifName, result } of cached) {
        const ips = Array.isArray(result['ips']) ? result['ips'] : []
        const addresses = ips.map((ip: { readonly address?: unknown }) => String(ip.address)).join(',')
        stdout.write(
          globals.quiet ? `${containerId}\n` : `${networkName} ${containerId} ${ifName} ${addresses}\n`,
        )
      }
    }
    return 0
  },
}
