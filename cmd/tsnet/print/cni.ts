/**
 * What CNI engines have attached, as a table.
 *
 * @module
 */

import type { CachedAttachment } from '../../../lib/adapters/cni/runtime.ts'
import type { Output } from '../io.ts'
import type { Palette } from './paint.ts'
import { renderTable } from './table.ts'

export function renderCached(cached: readonly CachedAttachment[], output: Output, palette: Palette): string {
  const columns = [
    { title: 'NETWORK', mayShorten: true, keeps: 16 },
    // Of 64 hex digits twelve are enough to tell one from another.
    { title: 'CONTAINER', mayShorten: true, keeps: 12 },
    { title: 'INTERFACE' },
    { title: 'ADDRESSES' },
  ]
  const rows = cached.map(({ networkName, containerId, ifName, result }) => [
    [networkName],
    [containerId],
    [ifName],
    addressesIn(result),
  ])
  return renderTable(columns, rows, output, palette)
}

/** Of any version: before 0.3.0 there was one address of each family. */
function addressesIn({ ips, ip4, ip6 }: Readonly<Record<string, unknown>>): readonly string[] {
  const newer = Array.isArray(ips) ? (ips as readonly { readonly address?: unknown }[]) : []
  const older = [ip4, ip6].map((one) => (one as { readonly ip?: unknown } | undefined)?.ip)
  return [...newer.map(({ address }) => address), ...older].filter((one) => typeof one === 'string')
}
