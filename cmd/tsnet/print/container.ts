/**
 * Containers for people: the block `setup` prints, and the rows of `ls`.
 *
 * @module
 */

import type { Attachment, ContainerNetwork } from '../../../lib/index.ts'
import type { VerbLib } from '../command.ts'
import type { Output } from '../io.ts'
import { type Field, renderFields } from './fields.ts'
import type { Palette } from './paint.ts'
import { publishedLine } from './ports.ts'
import { renderTable } from './table.ts'

/** As much of an id as people compare, like Docker's. */
const shortId = (id: string): string => id.slice(0, 12)

export function renderContainer(
  record: ContainerNetwork,
  palette: Palette,
  lib: Pick<VerbLib, 'openPorts'>,
): string {
  const { container, sandbox, resolver } = record
  const head: Field[] = [
    [
      'container',
      [[palette.bold(container.name ?? container.id), ...(container.name ? [container.id] : [])].join('  ')],
    ],
    ['sandbox', [sandbox.path]],
    ['mode', record.mode === 'bridge' ? [] : [modeText(record)]],
    ['addresses', record.hostAddresses],
  ]
  const names: Field[] = [
    ['dns', [[...resolver.servers, ...resolver.options].join(' ')].filter((text) => text !== '')],
    ['search', [resolver.search.join(' ')].filter((text) => text !== '')],
    ['hosts', resolver.hosts.map(({ name, address }) => `${name} ${address}`)],
    [
      'links',
      (record.links ?? []).map(({ names, addresses }) => `${names.join(' ')}  ${addresses.join(' ')}`),
    ],
    ['files', [resolver.resolvConf, resolver.hostsFile].filter((path) => path !== undefined)],
  ]
  const blocks = [
    head,
    ...record.attachments.map((attachment) => attachmentFields(attachment, palette, lib)),
    names,
  ]
  return blocks
    .map((fields) => renderFields(fields, palette))
    .filter((text) => text !== '')
    .join('\n')
}

function attachmentFields(
  attachment: Attachment,
  palette: Palette,
  { openPorts }: Pick<VerbLib, 'openPorts'>,
): Field[] {
  const { network, ifname, bridge, firewall, mac, mtuBytes, hostIfname, aliases } = attachment
  const widest = Math.max(...attachment.addresses.map((address) => address.length))
  const addresses = attachment.addresses.map((address) => {
    const six = address.includes(':')
    const gateway = attachment.gateways.find((candidate) => candidate.includes(':') === six)
    if (gateway === undefined) return address
    const carries = attachment.defaultRoute.includes(six ? 6 : 4)
    return `${address.padEnd(widest)}  gateway ${gateway}${carries ? `, ${palette.green('default route')}` : ''}`
  })
  return [
    ['network', [`${palette.bold(network)}  bridge ${bridge}, firewall ${firewall}`]],
    ['interface', [`${palette.bold(ifname)}  ${mac}  mtu ${mtuBytes}`]],
    ['address', addresses],
    ['host side', [`${hostIfname} in ${bridge}`]],
    ['aliases', [aliases.join(' ')].filter((text) => text !== '')],
    ['ports', openPorts(attachment).map((open) => palette.cyan(publishedLine(open)))],
  ]
}

function modeText({ mode, shareWith }: ContainerNetwork): string {
  if (mode === 'host') return "host: the host's own interfaces, nothing was changed"
  if (mode === 'none') return 'none: only lo is up'
  return `container: shares the namespace of ${shareWith ?? 'another'}`
}

/** One line for each network it was on. */
export function renderTornDown({ container, attachments, mode }: ContainerNetwork): string {
  const name = container.name ?? container.id
  if (attachments.length === 0) return `took down ${name} (${mode})\n`
  return attachments
    .map(
      ({ network, ifname, addresses }) => `took down ${name}: ${network} ${ifname} ${addresses.join(' ')}\n`,
    )
    .join('')
}

/** What rows of containers are printed with. */
export interface Printing {
  readonly output: Output
  readonly palette: Palette
  readonly lib: Pick<VerbLib, 'shortPorts'>
}

export function renderContainers(
  records: readonly ContainerNetwork[],
  { output, palette, lib }: Printing,
): string {
  const columns = [
    { title: 'ID' },
    { title: 'NAME', mayShorten: true },
    { title: 'MODE' },
    { title: 'NETWORKS', mayShorten: true },
    { title: 'ADDRESSES' },
    { title: 'PORTS', mayShorten: true, breakBefore: '->' },
  ]
  const rows = records.map(({ container, mode, attachments }) => [
    [shortId(container.id)],
    [container.name ?? '-'],
    [mode],
    attachments.map(({ network }) => network),
    attachments.flatMap(({ addresses }) => addresses.map((cidr) => cidr.replace(/\/.*/, ''))),
    attachments.flatMap(lib.shortPorts),
  ])
  return renderTable(columns, rows, output, palette)
}
