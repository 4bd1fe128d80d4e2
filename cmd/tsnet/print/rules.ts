/**
 * Packet rules for people: counters in front, then a sentence, then whose it is.
 *
 * @module
 */

import type { RuleReport, RuleView } from '../../../lib/index.ts'
import type { Output } from '../io.ts'
import { byteText, countText } from './amount.ts'
import { wrap } from './layout.ts'
import { asLines } from './lines.ts'
import type { Paint, Palette } from './paint.ts'

const titles: Readonly<Record<RuleView['place'], string>> = {
  arriving: 'Arriving, before anything is decided',
  publishing: 'Published ports',
  'to the host': 'To this host itself',
  forwarding: 'Passing through this host',
  leaving: 'Leaving',
}

const countWidth = 9
const sizeWidth = 8

export function renderRules(
  { subject, addresses, links, rules }: RuleReport,
  detail: 'words' | 'with text',
  output: Output,
  palette: Palette,
): string {
  const about = [...addresses, ...links].join(', ')
  const head = `${palette.bold(subject)}${about === '' ? '' : `  ${palette.dim(about)}`}\n`
  if (rules.length === 0) return `${head}no packet rule concerns it\n`
  const width = output.isTTY ? output.columns : 120
  const places = [...new Set(rules.map(({ place }) => place))]
  const blocks = places.map((place) => {
    const here = rules.filter((rule) => rule.place === place)
    const lines = (detail === 'words' ? together(here) : here).flatMap((rule) =>
      ruleLines(rule, { detail, width, palette }),
    )
    const counts = `${'PACKETS'.padStart(countWidth)}  ${'BYTES'.padStart(sizeWidth)}`
    return `\n${palette.dim(counts)}  ${palette.bold(titles[place])}\n${asLines(lines)}`
  })
  const star = rules.some(({ shared, packets }) => shared && packets !== undefined)
  const note = star ? `\n${palette.dim('* counted for other networks or traffic too')}\n` : ''
  return `${head}${blocks.join('')}${note}`
}

/** Rules of both families that say the same, as one. */
function together(rules: readonly RuleView[]): readonly RuleView[] {
  const kinds = new Map<string, RuleView>()
  for (const rule of rules) {
    const key = [rule.words, rule.owner, rule.tool, rule.table, rule.chain].join('\n')
    const { family: _, ...known } = kinds.get(key) ?? {}
    const { packets = 0, bytes = 0 } = known as Partial<RuleView>
    const one = kinds.has(key) ? { ...(known as RuleView), ...sum(rule, packets, bytes) } : rule
    kinds.set(key, one)
  }
  return [...kinds.values()]
}

function sum(rule: RuleView, packets: number, bytes: number): Partial<RuleView> {
  if (rule.packets === undefined) return {}
  return { packets: rule.packets + packets, bytes: (rule.bytes ?? 0) + bytes }
}

function ruleLines(
  rule: RuleView,
  { detail, width, palette }: { readonly detail: string; readonly width: number; readonly palette: Palette },
): readonly string[] {
  const { packets, bytes, shared, words, does, owner, tool, table, chain, family, text } = rule
  const star = shared && packets !== undefined ? '*' : ' '
  const count = packets === undefined ? '-' : countText(packets)
  const size = bytes === undefined ? '-' : byteText(bytes)
  const margin = countWidth + 2 + sizeWidth + 2
  const room = Math.max(30, width - margin)
  const told = wrap(words, room)
  const paint = paintOf(does, palette)
  const counters = `${`${count}${star}`.padStart(countWidth)}  ${size.padStart(sizeWidth)}`
  const where = `${owner === 'tsnet' ? '' : `by ${owner}: `}${tool}${family === undefined ? '' : ` IPv${family}`}, ${table} ${chain}`
  return [
    ...told.map((line, at) => `${at === 0 ? counters : ' '.repeat(margin - 2)}  ${paint(line)}`),
    ...(detail === 'words' && owner === 'tsnet' ? [] : [`${' '.repeat(margin)}${palette.dim(where)}`]),
    ...(detail === 'words' ? [] : [`${' '.repeat(margin)}${palette.dim(text)}`]),
  ]
}

function paintOf(does: string, palette: Palette): Paint {
  if (does === 'drop' || does === 'reject') return palette.red
  return does === 'dnat' || does === 'redirect' ? palette.cyan : (text) => text
}
