/**
 * Which servers are asked for which domain, as a table.
 *
 * @module
 */

import type { NameRoute } from '../../../lib/index.ts'
import type { Output } from '../io.ts'
import type { Palette } from './paint.ts'
import { renderTable } from './table.ts'

export function renderNameRoutes(routes: readonly NameRoute[], output: Output, palette: Palette): string {
  const columns = [
    { title: 'DOMAIN', mayShorten: true, keeps: 16 },
    { title: 'SERVERS' },
    { title: 'FOR', mayShorten: true, keeps: 20 },
  ]
  const rows = routes.map((route) => [[route.domain], route.servers, [ownerOf(route)]])
  return renderTable(columns, rows, output, palette)
}

function ownerOf({ network, container }: NameRoute): string {
  if (container !== undefined) return `container ${container}`
  return network === undefined ? 'everybody' : `network ${network}`
}
