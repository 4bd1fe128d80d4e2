/**
 * The probe table as the document that says what isolation means.
 *
 * @module
 */

import { describe, expect, it } from 'vitest'
import {
  containerPorts,
  hostLoopbackPort,
  hostPort,
  type Probe,
  type ProbeBinding,
  probeBindings,
  probeNetworks,
  probeSections,
  probes,
} from '../../contract/probes.ts'

describe('the probe table', () => {
  it('is what PROBES.md says', async () => {
    await expect(text()).toMatchFileSnapshot('../../../lib/firewall/PROBES.md')
  })

  it('has no two rows with the same sentence', () => {
    const names = probes.map(({ name, from, to }) => `${name}: ${from} to ${to}`)
    expect([...new Set(names)]).toEqual(names)
  })

  it('publishes no port twice', () => {
    const wanted = probeBindings.flatMap(({ protocol, hostPort, count }) =>
      Array.from({ length: count }, (_, index) => `${protocol}/${hostPort + index}`),
    )
    expect([...new Set(wanted)]).toEqual(wanted)
  })
})

function text(): string {
  return [
    '# What isolation means',
    '',
    'Each row is a packet that was really sent: with iptables-nft, iptables-legacy and nftables, where the FORWARD',
    'policy of the host is ACCEPT and where it is DROP, with `bridge-nf-call-iptables` 0 and 1, and, unless the row',
    'says otherwise, over IPv4 and IPv6. The test is `test/netns/250-firewall.test.ts`, the table is',
    '`test/contract/probes.ts`; this page is written from it by `test/unit/firewall/probes.test.ts`: do not edit.',
    '',
    '- **reached**: the server answered',
    '- **refused**: the host itself said that nobody listens there',
    '- **dropped**: silence; without rules the same packet comes through (tested, too; `icc=false` is the work of the bridge)',
    '',
    '## The hosts',
    '',
    ...table(
      ['Network', 'Containers', ''],
      probeNetworks.map(({ name, containers, about }) => [
        `\`${name}\``,
        containers.map((container) => `\`${container}\``).join(', '),
        about,
      ]),
    ),
    '',
    `Every container serves TCP, UDP and SCTP on ${containerPorts.join(', ')}. The host serves TCP and SCTP on ${hostPort},`,
    `and TCP on 127.0.0.1 alone on ${hostLoopbackPort}. The host has two addresses, \`host\` and \`host2\`. The outside is a neighbour`,
    'that routes everything through the host, even 127.0.0.1; so does `web2`.',
    '',
    ...table(['Published', 'leads to'], probeBindings.map(bindingRow)),
    ...probeSections.flatMap(({ title, probes }) => [
      '',
      `## ${title}`,
      '',
      ...table(['From', 'To', 'Port', 'Outcome', 'Seen as', 'Because'], probes.map(probeRow)),
    ]),
    '',
  ].join('\n')
}

function bindingRow({ container, at, protocol, hostPort, containerPort, count }: ProbeBinding): string[] {
  const range = (first: number): string => (count === 1 ? `${first}` : `${first}-${first + count - 1}`)
  const where = at === undefined ? 'any address' : at === 'localhost' ? '127.0.0.1' : `\`${at}\``
  return [`${protocol}/${range(hostPort)} on ${where}`, `\`${container}\`:${range(containerPort)}`]
}

function probeRow(probe: Probe): string[] {
  const { from, to, ports, outcome, by, at, seenAs, families, name } = probe
  const answers = by === undefined || by === to ? '' : ` (\`${by}\`${at === undefined ? '' : `:${at}`})`
  const only = [...(families === undefined ? [] : [`IPv${families.join(', IPv')} only`])]
  return [
    `\`${from}\``,
    `\`${to}\``,
    ports.join(', '),
    `${outcome}${answers}`,
    outcome === 'reached' ? `\`${seenAs ?? from}\`` : '',
    `${name}${only.length === 0 ? '' : ` (${only.join(', ')})`}`,
  ]
}

/** Cells padded to the width of their column: the formatter would do it otherwise. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((_, column) =>
    Math.max(3, ...[head, ...rows].map((row) => (row[column] ?? '').length)),
  )
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)]
}
