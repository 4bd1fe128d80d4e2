/**
 * Traffic as a table: the containers, and below each the ends it talks with.
 *
 * @module
 */

import type { TopRow, TopView } from '../../../lib/index.ts'
import type { Output } from '../io.ts'
import { byteText, countText } from './amount.ts'
import { shorten } from './layout.ts'
import { asLines } from './lines.ts'
import type { Palette } from './paint.ts'

const fewPeers = 3
const numbers = { rate: 11, packets: 11, drops: 7 } as const
const numberWidth = 2 * numbers.rate + 2 * numbers.packets + numbers.drops
const shortestName = 12

/** Below that lines would wrap; the last column stays free, for clearing a line from there on would clear it too. */
export const topLeast: { readonly columns: number; readonly rows: number } = {
  columns: shortestName + numberWidth + 1,
  rows: 6,
}

export function renderTop(
  { time, seconds, watched, containers }: TopView,
  { detail, output }: { readonly detail: 'some' | 'all'; readonly output: Output },
  palette: Palette,
): string {
  const width = output.isTTY ? Math.max(output.columns, topLeast.columns) : 100
  const nameWidth = Math.max(shortestName, Math.min(40, width - numberWidth - 1))
  const head = [
    'NAME'.padEnd(nameWidth),
    'RECEIVED/s'.padStart(numbers.rate),
    'PACKETS/s'.padStart(numbers.packets),
    'SENT/s'.padStart(numbers.rate),
    'PACKETS/s'.padStart(numbers.packets),
    'DROPS'.padStart(numbers.drops),
  ].join('')
  const at = new Date(time)
  const clock = [at.getHours(), at.getMinutes(), at.getSeconds()]
    .map((one) => String(one).padStart(2, '0'))
    .join(':')
  const count = `${containers.length} container${containers.length === 1 ? '' : 's'}`
  const known = watched < containers.length ? `, peers of ${watched}` : ''
  const title = `${palette.bold('tsnet top')}  ${clock}  ${count}${known}, over ${seconds.toFixed(1)} s`
  const rows = containers.flatMap((row) => rowLines(row, { nameWidth, detail, palette }))
  const body = rows.length === 0 ? [palette.dim('no containers')] : rows
  return asLines([title, '', palette.bold(head), ...body])
}

function rowLines(
  row: TopRow,
  {
    nameWidth,
    detail,
    palette,
  }: { readonly nameWidth: number; readonly detail: string; readonly palette: Palette },
): readonly string[] {
  const { receivedBytes, sentBytes, receivedPackets, sentPackets, dropped, peers, sampled } = row
  const lost = countText(dropped).padStart(numbers.drops)
  const own = [
    palette.bold(shorten(row.name, nameWidth).padEnd(nameWidth)),
    byteText(receivedBytes).padStart(numbers.rate),
    countText(receivedPackets).padStart(numbers.packets),
    byteText(sentBytes).padStart(numbers.rate),
    countText(sentPackets).padStart(numbers.packets),
    dropped > 0 ? palette.red(lost) : lost,
  ].join('')
  const shown = detail === 'all' ? peers : peers.slice(0, fewPeers)
  const lines = shown.map(({ address, name, received, sent }, nth) => {
    const last = nth === shown.length - 1
    const who = shorten(`${last ? '└' : '├'} ${sampled ? '~' : ''}${name ?? address}`, nameWidth - 2)
    const amounts = `${byteText(received).padStart(numbers.rate)}${byteText(sent).padStart(numbers.packets + numbers.rate)}`
    return palette.dim(`  ${who.padEnd(nameWidth - 2)}${amounts}`)
  })
  const hidden = peers.length - shown.length
  return [own, ...lines, ...(hidden > 0 ? [palette.dim(`    and ${hidden} more`)] : [])]
}
