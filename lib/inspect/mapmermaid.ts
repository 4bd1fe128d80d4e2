/**
 * The map as a Mermaid flow chart, for READMEs and wikis.
 *
 * @see https://mermaid.js.org/syntax/flowchart.html
 * @module
 */

import type { HostMap, MapLeaf } from './map.ts'

/** The map as a mermaid flowchart, for Markdown. */
export function mapMermaid({ uplinks, bridges, direct, apart, onHost }: HostMap): string {
  const lines = ['flowchart LR', '  host{{host}}']
  let count = 0
  const node = (shape: readonly [string, string], texts: readonly string[]): string => {
    const id = `n${++count}`
    lines.push(`  ${id}${shape[0]}"${texts.map(escaped).join('<br/>')}"${shape[1]}`)
    return id
  }
  const leaf = ({ name, ifname, addresses }: MapLeaf): string =>
    node(['[', ']'], [name, ...(ifname === '' ? [] : [[ifname, ...addresses].join(' ')])])
  for (const { name, addresses, gateways } of uplinks) {
    const id = node(['([', '])'], [name, ...addresses])
    if (gateways.length > 0)
      lines.push(`  ${node(['((', '))'], ['the world'])} ---|"${escaped(gateways.join(', '))}"| ${id}`)
    lines.push(`  ${id} --- host`)
  }
  for (const { name, network, internal, addresses, up, leaves } of bridges) {
    const id = node(
      ['[[', ']]'],
      [
        name,
        ...(network === undefined ? [] : [`network ${network}`]),
        ...addresses,
        ...(internal === undefined ? [] : ['internal']),
        ...(up ? [] : ['down']),
      ],
    )
    lines.push(`  host --- ${id}`)
    for (const one of leaves) {
      const label = one.ports.length === 0 ? '' : `|"${one.ports.map(escaped).join('<br/>')}"|`
      lines.push(`  ${id} ---${label} ${leaf(one)}`)
    }
  }
  for (const one of direct) lines.push(`  host --- ${leaf(one)}`)
  for (const name of onHost) lines.push(`  host -.- ${node(['[', ']'], [name, "on the host's interfaces"])}`)
  for (const name of apart) node(['[', ']'], [name, 'not connected'])
  return `${lines.join('\n')}\n`
}

/** Mermaid has its own entities, with # for &. */
function escaped(text: string): string {
  return text.replace(/[#"<>&|[\]{}()]/g, (char) => `#${char.charCodeAt(0)};`)
}
