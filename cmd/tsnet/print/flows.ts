/**
 * Tracked connections for people.
 *
 * @module
 */

import type { FlowView } from '../../../lib/index.ts'
import type { Output } from '../io.ts'
import { byteText, secondsText } from './amount.ts'
import type { Palette } from './paint.ts'
import { type Column, renderTable } from './table.ts'

export function renderFlows(flows: readonly FlowView[], output: Output, palette: Palette): string {
  if (flows.length === 0) return 'no tracked connections\n'
  const counted = flows.some(({ sent }) => sent !== undefined)
  const columns: Column[] = [
    { title: 'PROTO' },
    { title: 'STATE' },
    { title: 'FROM', mayShorten: true },
    { title: 'TO', mayShorten: true },
    { title: 'TRANSLATED', mayShorten: true },
    ...(counted ? [{ title: 'SENT' }, { title: 'RECEIVED' }] : []),
    { title: 'ENDS IN' },
  ]
  const rows = flows.map(({ protocol, state, from, to, via, as, sent, received, secondsLeft }) => [
    [protocol],
    [state],
    [endText(from)],
    [endText(to)],
    [
      ...(via === undefined ? [] : [`by ${addressText(via)}`]),
      ...(as === undefined ? [] : [`as ${addressText(as)}`]),
    ],
    ...(counted ? [[sent ? byteText(sent.bytes) : '-'], [received ? byteText(received.bytes) : '-']] : []),
    [secondsText(secondsLeft)],
  ])
  return renderTable(columns, rows, output, palette)
}

/** Who began, and who answers. */
export function endsText({ from, to }: FlowView): string {
  return `${endText(from)} ${endText(to)}`
}

function endText(end: FlowView['from']): string {
  return end.name === undefined
    ? addressText(end)
    : `${end.name}${end.port === undefined ? '' : `:${end.port}`}`
}

function addressText({ address, port }: FlowView['from']): string {
  if (port === undefined) return address
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}
