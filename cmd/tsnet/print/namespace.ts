/**
 * Namespaces, bridges and routes for people.
 *
 * @module
 */

import type { BridgeView, Inventory, NamespaceView } from '../../../lib/index.ts'
import type { Output } from '../io.ts'
import type { Palette } from './paint.ts'
import { type Column, renderTable } from './table.ts'

/**
 * Below this width the inode, which nobody types, leaves its place to addresses, and bridges stand below the ends in
 * them.
 */
const wide = 100
/** An IPv4 address with its prefix, and most of IPv6 in private networks. */
const addressLength = 20

export function renderNamespaces({ namespaces }: Inventory, output: Output, palette: Palette): string {
  const narrow = output.isTTY && output.columns < wide
  const columns: Column[] = [
    { title: 'NAME', mayShorten: true },
    { title: 'ENGINE' },
    ...(narrow ? [] : [{ title: 'NETNS' }]),
    { title: 'PIDS' },
    { title: 'IF', mayShorten: true },
    { title: 'ADDRESS', mayShorten: true, keeps: addressLength },
    { title: 'PEER', mayShorten: true },
  ]
  const names = new Map(namespaces.map(({ id, name }) => [id, name]))
  const rows = namespaces.map((view) => {
    const lines = interfaceLines(view, names, narrow ? 'below' : 'beside')
    // On one line of a pipe the columns are lists of their own.
    const cell = (values: readonly string[]): readonly string[] =>
      output.isTTY ? values : [values.filter((value) => value !== '').join(',') || '-']
    return [
      [view.name],
      [engineText(view)],
      ...(narrow ? [] : [[view.id]]),
      [narrow ? `${view.pids[0] ?? '-'}` : pidText(view)],
      cell(lines.map(({ name }) => name)),
      cell(lines.map(({ address }) => address)),
      cell(lines.map(({ peer }) => peer)),
    ]
  })
  return renderTable(columns, rows, output, palette)
}

interface InterfaceLine {
  readonly name: string
  readonly address: string
  readonly peer: string
}

/** One line for each address, so that columns stay beside each other. */
function interfaceLines(
  view: NamespaceView,
  names: ReadonlyMap<string, string>,
  bridges: 'beside' | 'below',
): InterfaceLine[] {
  const shown = view.interfaces.filter(({ name, addresses, peer }) => {
    if (name === 'lo') return false
    // The host's ends of veth pairs are told with the containers they lead to.
    return addresses.length > 0 || (peer !== undefined && !view.own)
  })
  return shown.flatMap(({ name, addresses, peer, bridge }) => {
    const other = peer === undefined || peer.namespace === view.id ? '' : (names.get(peer.namespace) ?? '?')
    const end =
      peer === undefined ? '' : other === 'host' || other === '' ? peer.name : `${other}:${peer.name}`
    const told = [end, ...(bridge === undefined ? [] : [`in ${bridge}`])].filter((text) => text !== '')
    const known = addresses.filter((address) => !address.startsWith('fe80:'))
    const peers = bridges === 'below' ? told : [told.join(' ')]
    return Array.from({ length: Math.max(1, known.length, peers.length) }, (_, at) => ({
      name: at === 0 ? name : '',
      address: known[at] ?? '',
      peer: peers[at] ?? '',
    }))
  })
}

function engineText({ own, engine, record }: NamespaceView): string {
  if (own) return '-'
  if (record !== undefined) return engine === undefined || engine === 'ip netns' ? 'tsnet' : `${engine}+tsnet`
  return engine ?? '-'
}

function pidText({ pids }: NamespaceView): string {
  if (pids.length === 0) return '-'
  return pids.length === 1 ? `${pids[0]}` : `${pids[0]} +${pids.length - 1}`
}

/** In the manner of `brctl show`, with what is behind each port. */
export function renderBridges({ bridges, namespaces }: Inventory, output: Output, palette: Palette): string {
  const names = new Map(namespaces.map(({ id, name }) => [id, name]))
  const columns: Column[] = [
    { title: 'BRIDGE' },
    { title: 'ID' },
    { title: 'STP' },
    { title: 'NETWORK', mayShorten: true },
    { title: 'INTERFACES' },
    { title: 'BEHIND IT', mayShorten: true },
  ]
  const rows = bridges.map((bridge) => [
    [bridge.name],
    [bridge.id],
    [bridge.stp ? 'yes' : 'no'],
    [bridge.network ?? '-'],
    bridge.ports.map(({ name }) => name),
    bridge.ports.map((port) => behind(port, names)),
  ])
  return renderTable(columns, rows, output, palette)
}

function behind({ peer, state }: BridgeView['ports'][number], names: ReadonlyMap<string, string>): string {
  const told = peer === undefined ? '-' : `${names.get(peer.namespace) ?? '?'}:${peer.name}`
  return state === 'forwarding' ? told : `${told} (${state})`
}
