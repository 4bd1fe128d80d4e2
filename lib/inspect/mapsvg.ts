/**
 * The map as a picture for pages: the way out on the left, then the host, its
 * bridges, and their containers on the right. Plain SVG with its own colours,
 * dark and light, without scripts or foreign fonts.
 *
 * @module
 */

import type { HostMap, MapLeaf } from './map.ts'

interface Box {
  readonly kind: 'uplink' | 'host' | 'bridge' | 'leaf' | 'apart'
  readonly title: string
  readonly lines: readonly string[]
  /** Published ports: written on the line that leads to it. */
  readonly ports: readonly string[]
}

const columns = { uplink: 20, host: 250, bridge: 380, apart: 380, leaf: 690 } as const
/** Without a way out its column would be empty paper. */
const columnsWithoutWay = { uplink: 20, host: 20, bridge: 150, apart: 150, leaf: 460 } as const
type Columns = typeof columns | typeof columnsWithoutWay
const boxWidth = { uplink: 190, host: 80, bridge: 230, apart: 230, leaf: 250 } as const
const gap = 14
const margin = 20
/** About what 11 px of a proportional font takes, and 13 px of a bold one. */
const charWidth = { line: 6.4, title: 8.1 } as const

interface Placed extends Box {
  readonly y: number
  readonly height: number
}

/** The map as a picture for a page. */
export function mapSvg(map: HostMap): string {
  const groups = groupsOf(map)
  const placed = place(groups)
  const right = stacked(map.uplinks.map(uplinkBox))
  const height = Math.max(placed.height, right.height, 80) + margin
  const host: Placed = { kind: 'host', title: 'host', lines: [], ports: [], y: height / 2 - 20, height: 40 }
  const shift = (height - right.height) / 2
  const uplinks = right.boxes.map((box) => ({ ...box, y: box.y + shift - margin / 2 }))
  const column = uplinks.length === 0 ? columnsWithoutWay : columns
  const width = column.leaf + boxWidth.leaf + margin
  const lines = [
    ...uplinks.map((box) => edge(box, host, column)),
    ...placed.groups.flatMap(({ bridge, leaves }) => [
      ...(bridge === undefined || bridge.kind === 'apart' ? [] : [edge(host, bridge, column)]),
      ...leaves.map((leaf) => edge(bridge ?? host, leaf, column)),
    ]),
  ]
  const boxes = [
    ...uplinks,
    host,
    ...placed.groups.flatMap(({ bridge, leaves }) => [...(bridge === undefined ? [] : [bridge]), ...leaves]),
  ]
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${round(height)}" width="${width}" height="${round(height)}" role="img" aria-label="map of this host's network">`,
    `<style>${style}</style>`,
    `<rect class="page" width="${width}" height="${round(height)}"/>`,
    ...lines,
    ...boxes.map((box) => drawn(box, column)),
    '</svg>',
    '',
  ].join('\n')
}

const style = [
  '.page{fill:#fff}text{font:11px system-ui,sans-serif;fill:#33414e}.t{font-weight:600;font-size:13px;fill:#12202c}',
  '.b{stroke-width:1.2;rx:7px}.uplink{fill:#eef1f4;stroke:#8a99a8}.host{fill:#12202c;stroke:#12202c}.bridge{fill:#e3f0ff;stroke:#3b82d6}.leaf{fill:#e8f7ec;stroke:#3a9d5d}.apart{fill:none;stroke:#8a99a8;stroke-dasharray:5 4}',
  '.e{fill:none;stroke:#8a99a8;stroke-width:1.4}.h{fill:#fff}.p{fill:#a1480a}',
  '@media(prefers-color-scheme:dark){.page{fill:#10161c}text{fill:#b9c6d2}.t{fill:#f0f5fa}.uplink{fill:#1d2730}.bridge{fill:#14283f}.leaf{fill:#14301f}.host{fill:#2d3b48}.p{fill:#f0a35e}}',
].join('')

interface Group {
  readonly bridge: Box | undefined
  readonly leaves: readonly Box[]
}

function groupsOf({ bridges, direct, apart, onHost }: HostMap): readonly Group[] {
  const note = (title: string, line: string): Box => ({ kind: 'leaf', title, lines: [line], ports: [] })
  const loose = [...direct.map(leafBox), ...onHost.map((name) => note(name, "on the host's own interfaces"))]
  return [
    ...bridges.map(({ name, network, internal, addresses, up, leaves }) => ({
      bridge: {
        kind: 'bridge' as const,
        title: network === undefined ? name : `${network}`,
        lines: [
          ...(network === undefined ? [] : [`bridge ${name}`]),
          ...addresses,
          ...(internal === undefined ? [] : ['internal']),
          ...(up ? [] : ['down']),
        ],
        ports: [],
      },
      leaves: leaves.map(leafBox),
    })),
    ...(loose.length === 0 ? [] : [{ bridge: undefined, leaves: loose }]),
    ...(apart.length === 0
      ? []
      : [
          {
            bridge: { kind: 'apart' as const, title: 'not connected', lines: apart, ports: [] },
            leaves: [],
          },
        ]),
  ]
}

function uplinkBox({ name, addresses, gateways }: HostMap['uplinks'][number]): Box {
  const out = gateways.map((gateway) => `way out: ${gateway}`)
  return { kind: 'uplink', title: name, lines: [...addresses, ...out], ports: [] }
}

function leafBox({ name, engine, ifname, addresses, ports }: MapLeaf): Box {
  const about = [ifname, engine === 'tsnet' ? '' : engine].filter((text) => text !== '').join(', ')
  return { kind: 'leaf', title: name, lines: [...(about === '' ? [] : [about]), ...addresses], ports }
}

const heightOf = ({ lines, ports }: Box): number => 28 + 15 * (lines.length + ports.length)

function stacked(boxes: readonly Box[]): { readonly boxes: readonly Placed[]; readonly height: number } {
  let y = margin
  const placed = boxes.map((box) => {
    const height = heightOf(box)
    const at = { ...box, y, height }
    y += height + gap
    return at
  })
  return { boxes: placed, height: y - gap }
}

function place(groups: readonly Group[]): {
  readonly groups: readonly { readonly bridge: Placed | undefined; readonly leaves: readonly Placed[] }[]
  readonly height: number
} {
  let y = margin
  const placed = groups.map(({ bridge, leaves }) => {
    const own = bridge === undefined ? 0 : heightOf(bridge)
    const theirs = leaves.reduce((sum, leaf) => sum + heightOf(leaf) + gap, -gap)
    const height = Math.max(own, theirs)
    let at = y + (height - Math.max(theirs, 0)) / 2
    const stack = leaves.map((leaf) => {
      const one = { ...leaf, y: at, height: heightOf(leaf) }
      at += one.height + gap
      return one
    })
    const middle = bridge === undefined ? undefined : { ...bridge, y: y + (height - own) / 2, height: own }
    y += height + gap * 2
    return { bridge: middle, leaves: stack }
  })
  return { groups: placed, height: y - gap }
}

function edge(from: Placed, to: Placed, column: Columns): string {
  const [x1, y1] = [column[from.kind] + boxWidth[from.kind], from.y + from.height / 2]
  const [end, y2] = [column[to.kind], to.y + to.height / 2]
  // Past the bridges, straight on at its own height: behind one of them it would look like a port of it.
  const x2 = from.kind === 'host' && to.kind === 'leaf' ? column.bridge : end
  const bend = round((x1 + x2) / 2)
  const on = x2 === end ? '' : `H${end}`
  return `<path class="e" d="M${x1} ${round(y1)}C${bend} ${round(y1)} ${bend} ${round(y2)} ${x2} ${round(y2)}${on}"/>`
}

function drawn(box: Placed, column: Columns): string {
  const x = column[box.kind]
  const width = boxWidth[box.kind]
  const room = (per: number): number => Math.floor((width - 20) / per)
  const texts = [
    `<text class="t${box.kind === 'host' ? ' h' : ''}" x="${x + 10}" y="${round(box.y + 19 + (box.kind === 'host' ? 5 : 0))}">${escaped(cut(box.title, room(charWidth.title)))}</text>`,
    ...[
      ...box.lines.map((line) => [line, ''] as const),
      ...box.ports.map((port) => [port, ' class="p"'] as const),
    ].map(
      ([line, paint], at) =>
        `<text${paint} x="${x + 10}" y="${round(box.y + 35 + 15 * at)}">${escaped(cut(line, room(charWidth.line)))}</text>`,
    ),
  ]
  return `<rect class="b ${box.kind}" x="${x}" y="${round(box.y)}" width="${width}" height="${box.height}" rx="7"/>${texts.join('')}`
}

const cut = (text: string, length: number): string =>
  text.length > length ? `${text.slice(0, length - 1)}…` : text

const round = (value: number): number => Math.round(value * 10) / 10

function escaped(text: string): string {
  return text.replace(/[<>&"']/g, (char) => `&#${char.charCodeAt(0)};`)
}
