/**
 * `tsnet cni list`: the attachments CNI engines have noted.
 *
 * @module
 */

import type { CommandDefinition } from '../command.ts'
import { writeJson } from '../print/json.ts'
import { asLines } from '../print/lines.ts'
import { renderTable } from '../print/table.ts'

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
    else if (cached.length > 0) {
      const columns = ['NETWORK', 'CONTAINER', 'INTERFACE', 'ADDRESSES'].map((title) => ({ title }))
      const rows = cached.map(({ networkName, containerId, ifName, result }) => [
        [networkName],
        [containerId],
        [ifName],
        addressesIn(result),
      ])
      stdout.write(renderTable(columns, rows, stdout, palette))
    }
    return 0
  },
}

/** Of any version: before 0.3.0 there was one address of each family. */
function addressesIn({ ips, ip4, ip6 }: Readonly<Record<string, unknown>>): readonly string[] {
  const newer = Array.isArray(ips) ? (ips as readonly { readonly address?: unknown }[]) : []
  const older = [ip4, ip6].map((one) => (one as { readonly ip?: unknown } | undefined)?.ip)
  return [...newer.map(({ address }) => address), ...older].filter((one) => typeof one === 'string')
}
