/**
 * Containers, routes and holders of addresses for people.
 *
 * @module
 */

import type { AddressReport, ContainerView, NamespaceView } from '../../../lib/index.ts'
import type { Output } from '../io.ts'
import { byteText } from './amount.ts'
import type { Printing } from './container.ts'
import { type Field, renderFields } from './fields.ts'
import type { Palette } from './paint.ts'
import { type Column, renderTable } from './table.ts'

/** Room for it is only on wide terminals. */
const wide = 100

export function renderProcesses(
  containers: readonly ContainerView[],
  { output, palette, lib }: Printing,
): string {
  const narrow = output.isTTY && output.columns < wide
  const columns: Column[] = [
    { title: 'NAME', mayShorten: true },
    { title: 'ENGINE' },
    ...(narrow ? [] : [{ title: 'PID' }]),
    { title: 'NETWORK', mayShorten: true },
    { title: 'ADDRESS', mayShorten: true },
    { title: 'PORTS', mayShorten: true, breakBefore: '->' },
    { title: 'RECEIVED' },
    { title: 'SENT' },
  ]
  const rows = containers.map((one) => {
    const lines = one.endpoints.flatMap(({ network, addresses }) =>
      (addresses.length === 0 ? [''] : addresses).map((address, at) => [
        at === 0 ? network : '',
        address.replace(/\/.*/, ''),
      ]),
    )
    const networks = lines.map(([network = '']) => network)
    return [
      [one.name ?? one.id.slice(0, 12)],
      [one.engine],
      ...(narrow ? [] : [[one.pid === undefined ? '-' : String(one.pid)]]),
      lines.length === 0
        ? [one.alive ? one.mode : 'gone']
        : output.isTTY
          ? networks
          : networks.filter(Boolean),
      lines.map(([, address = '']) => address),
      one.endpoints.flatMap(lib.shortPorts),
      [one.traffic === undefined ? '-' : byteText(one.traffic.rxBytes)],
      [one.traffic === undefined ? '-' : byteText(one.traffic.txBytes)],
    ]
  })
  return renderTable(columns, rows, output, palette)
}

export function renderRoutes({ routes }: NamespaceView, output: Output, palette: Palette): string {
  const columns: Column[] = [{ title: 'TO' }, { title: 'BY' }, { title: 'INTERFACE' }, { title: 'METRIC' }]
  const rows = routes.map(({ to, via, dev, metric }) => [
    [to.endsWith('/0') ? `default${to.includes(':') ? ' (IPv6)' : ''}` : to],
    [via ?? 'directly'],
    [dev ?? '-'],
    [metric === 0 ? '-' : String(metric)],
  ])
  return renderTable(columns, rows, output, palette)
}

export function renderHolders({ address, holders, networks }: AddressReport, palette: Palette): string {
  if (holders.length === 0) {
    const where =
      networks.length === 0 ? 'no network of tsnet has it' : `free on network ${networks.join(', ')}`
    return `nobody holds ${address}: ${where}\n`
  }
  return holders
    .map(({ owner, kind, engine, network, ifname, since, alive, free }) => {
      const fields: Field[] = [
        ['address', [palette.bold(address)]],
        [
          'owner',
          [kind === 'gateway' ? `gateway: ${owner}` : kind === 'reserved' ? `reserved: ${owner}` : owner],
        ],
        ['engine', [engine]],
        ['network', network === undefined ? [] : [network]],
        ['interface', ifname === undefined ? [] : [ifname]],
        ['since', since === undefined ? [] : [since]],
        ['alive', [alive ? palette.green('yes') : palette.red('no')]],
        ['to free it', free === undefined ? [] : [free]],
      ]
      return renderFields(fields, palette)
    })
    .join('\n')
}
