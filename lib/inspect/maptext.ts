/**
 * The map as a tree for terminals.
 *
 * @module
 */

import type { HostMap, MapLeaf } from './map.ts'

/** What a word is, for whoever paints it. */
export type MapWord = 'bridge' | 'container' | 'port' | 'quiet'

interface Branch {
  /** Texts beside each other; those that do not fit go on the next lines. */
  readonly words: readonly (readonly [text: string, word?: MapWord])[]
  readonly branches: readonly Branch[]
}

/**
 * The map as a tree for a terminal.
 *
 * @param columns at least 40; narrower ones break words
 * @param paint called for every word that means something
 */
export function mapText(
  map: HostMap,
  columns: number,
  paint: (text: string, word: MapWord) => string,
): string {
  const width = Math.max(40, columns)
  const ways = map.uplinks.flatMap(({ name, addresses, gateways }) => [
    ...(gateways.length > 0 ? [`the world, by ${gateways.join(' and ')}`] : ['its neighbours']),
    '   │',
    ...fill([[name], ...addresses.map((address) => [address] as const)], width - 6, paint).map(
      (line, at) => `   ${at === 0 ? '├─ ' : '│    '}${line}`,
    ),
    '   │',
  ])
  const top = map.uplinks.length === 0 ? ['no way out', ''] : ways
  const lines = [...top, 'host', ...render(branchesOf(map), '', width, paint)]
  return lines.map((line) => `${line.trimEnd()}\n`).join('')
}

function branchesOf({ bridges, direct, apart, onHost }: HostMap): readonly Branch[] {
  const list = (title: string, names: readonly string[]): Branch[] =>
    names.length === 0
      ? []
      : [{ words: [[title, 'quiet'], ...names.map((name) => [name, 'container'] as const)], branches: [] }]
  return [
    ...bridges.map(
      ({ name, network, internal, addresses, up, leaves }): Branch => ({
        words: [
          [name, 'bridge'],
          ...(network === undefined ? [] : [[`network ${network}`] as const]),
          ...(internal === undefined ? [] : [['internal', 'quiet'] as const]),
          ...(up ? [] : [['down', 'quiet'] as const]),
          ...addresses.map((address) => [address, 'quiet'] as const),
        ],
        branches:
          leaves.length === 0 ? [{ words: [['nobody', 'quiet']], branches: [] }] : leaves.map(leafBranch),
      }),
    ),
    ...direct.map(leafBranch),
    ...list("on the host's own interfaces:", onHost),
    ...list('not connected to this host:', apart),
  ]
}

function leafBranch({ name, engine, ifname, addresses, ports }: MapLeaf): Branch {
  return {
    words: [
      [name, 'container'],
      ...(ifname === '' ? [] : [[ifname] as const]),
      ...addresses.map((address) => [address] as const),
      ...(engine === '' || engine === 'tsnet' ? [] : [[engine, 'quiet'] as const]),
      ...ports.map((port) => [port, 'port'] as const),
    ],
    branches: [],
  }
}

function render(
  branches: readonly Branch[],
  before: string,
  width: number,
  paint: (text: string, word: MapWord) => string,
): string[] {
  return branches.flatMap(({ words, branches: inner }, at) => {
    const last = at === branches.length - 1
    const below = `${before}${last ? '   ' : '│  '}`
    // Under its name, where further words go on.
    const hang = `${below}${inner.length > 0 ? '│  ' : '   '}${' '.repeat(2)}`
    const lines = fill(words, width - hang.length - 1, paint)
    const [first = '', ...more] = lines
    return [
      `${before}${last ? '└─ ' : '├─ '}${first}`,
      ...more.map((line) => `${hang}${line}`),
      ...render(inner, below, width, paint),
    ]
  })
}

function fill(
  words: Branch['words'],
  width: number,
  paint: (text: string, word: MapWord) => string,
): readonly string[] {
  const lines: string[] = []
  let [line, length] = ['', 0]
  for (const [full, word] of words) {
    const text = full.length > width ? `${full.slice(0, width - 1)}…` : full
    if (length > 0 && length + 2 + text.length > width) {
      lines.push(line)
      ;[line, length] = ['', 0]
    }
    line += `${length > 0 ? '  ' : ''}${word === undefined ? text : paint(text, word)}`
    length += (length > 0 ? 2 : 0) + text.length
  }
  return [...lines, line]
}
