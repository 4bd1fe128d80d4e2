/**
 * Who is behind an interface: the next hop, over a bridge or the other end of a
 * pair. Pure.
 *
 * @module
 */

import { type Address, addressOf } from '../../model/address.ts'
import { shellLine } from '../../model/commandline.ts'
import type { InterfaceView, Inventory, NamespaceView } from '../views.ts'
import type { TraceReason } from './report.ts'

export type Next =
  | {
      readonly kind: 'namespace'
      readonly view: NamespaceView
      /** Where the packet comes in. */
      readonly iif: string
      /** The bridge between, and the ends in it. */
      readonly over?: string
    }
  /** A link whose other side is not on this machine. */
  | { readonly kind: 'outside' }
  | {
      readonly kind: 'stop'
      readonly reason: TraceReason
      readonly stage: 'neighbour' | 'bridge'
      readonly what: string
      readonly fix?: string
    }

export function nextHop(inventory: Inventory, view: NamespaceView, dev: string, to: Address): Next {
  const link = view.interfaces.find(({ name }) => name === dev)
  if (link === undefined) return { kind: 'outside' }
  if (!link.up) return down(view, link)
  if (link.kind === 'bridge') return overBridge(inventory, { in: view, bridge: link, from: undefined }, to)
  const other = inventory.namespaces.find(({ id }) => id === link.peer?.namespace)
  const end = other?.interfaces.find(({ name }) => name === link.peer?.name)
  if (other === undefined || end === undefined) return { kind: 'outside' }
  if (!end.up) return down(other, end)
  if (end.bridge !== undefined) {
    const bridge = other.interfaces.find(({ name }) => name === end.bridge)
    if (bridge !== undefined) return overBridge(inventory, { in: other, bridge, from: end }, to)
  }
  if (has(end, to)) return { kind: 'namespace', view: other, iif: end.name }
  // A network of tsnet whose host end has left its bridge has a gateway that is on the bridge still.
  return {
    kind: 'stop',
    stage: 'neighbour',
    reason: 'nobody',
    what: `${end.name}, the other end of ${dev} in ${other.name}, has not ${to} and is in no bridge`,
  }
}

interface Crossing {
  readonly in: NamespaceView
  readonly bridge: InterfaceView
  /** Absent: it is sent by the bridge itself. */
  readonly from: InterfaceView | undefined
}

function overBridge(
  { namespaces, bridges }: Inventory,
  { in: where, bridge, from }: Crossing,
  to: Address,
): Next {
  if (!bridge.up) return down(where, bridge)
  if (from !== undefined && has(bridge, to))
    return { kind: 'namespace', view: where, iif: bridge.name, over: `${from.name} in ${bridge.name}` }
  const ends = namespaces.flatMap((view) =>
    view.interfaces
      .filter((link) => link.bridge === bridge.name && link.peer?.namespace === where.id && has(link, to))
      .map((link) => ({ view, link })),
  )
  const [end] = ends
  if (end === undefined) {
    const what = `nobody on ${bridge.name} has ${to}`
    return {
      kind: 'stop',
      stage: 'neighbour',
      reason: 'nobody',
      what,
      fix: '"tsnet ps" and "tsnet ns ls" show who has which address',
    }
  }
  const port = where.interfaces.find(({ name }) => name === end.link.peer?.name)
  if (port !== undefined && !port.up) return down(where, port)
  if (!end.link.up) return down(end.view, end.link)
  const ports = where.own ? (bridges.find(({ name }) => name === bridge.name)?.ports ?? []) : []
  const isolated = (name: string | undefined): boolean =>
    ports.some((one) => one.name === name && one.isolated)
  if (isolated(from?.name) && isolated(port?.name)) {
    const what = `${from?.name} and ${port?.name} are isolated ports of ${bridge.name}: containers of that network do not reach each other`
    return { kind: 'stop', stage: 'bridge', reason: 'isolated', what, fix: 'a network without -o icc=false' }
  }
  const over =
    from === undefined
      ? `${bridge.name} to ${port?.name}`
      : `${from.name} and ${port?.name} in ${bridge.name}`
  return { kind: 'namespace', view: end.view, iif: end.link.name, over }
}

const has = ({ addresses }: InterfaceView, to: Address): boolean =>
  addresses.some((cidr) => addressOf(cidr) === to)

const down = (view: NamespaceView, { name }: InterfaceView): Next => ({
  kind: 'stop',
  stage: 'bridge',
  reason: 'link-down',
  what: `${name} in ${view.name} is down`,
  fix: shellLine([
    ...(view.own ? [] : ['nsenter', `--net=${view.path}`, '--']),
    'ip',
    'link',
    'set',
    name,
    'up',
  ]),
})
