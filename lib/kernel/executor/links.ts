/**
 * Steps that make links and set their state.
 *
 * @module
 */

import { fail } from '../../errors/codes.ts'
import type { Cidr } from '../../model/address.ts'
import type { BridgeStep, VethStep } from '../../plan/step.ts'
import { addrDel } from '../netlink/addr.ts'
import { bridgeAdd, bridgePortSet, bridgeSet, type Link, linkSet, portSet, vethAdd } from '../netlink/link.ts'
import { EINVAL, ENODEV } from '../system/errno.ts'
import { type Handler, inside, type OwnedLink, type SideView } from './handler.ts'

function linkIn(side: SideView | undefined, name: string): Link | undefined {
  return side?.links.find((link) => link.name === name)
}

/** @param place ` in the sandbox`, or empty for the host */
function nameTaken(doing: string, link: Link, place: string): Error {
  const kind = link.kind === '' ? 'an interface' : `a ${link.kind} link`
  return fail('TSNET_IFNAME_IN_USE', {
    message: `${doing}: ${kind} named ${link.name} is there already${place}`,
    value: link.name,
    hint: `see \`ip -d link show ${link.name}\``,
  })
}

/**
 * Ours is what carries our alias; and what has none yet but our MAC, because a
 * crash between making a link and naming it must not leave it behind.
 */
export function isOurs(found: Link, link: OwnedLink): boolean {
  if (found.kind !== link.kind) return false
  return found.alias === undefined ? found.mac === link.mac : found.alias === link.alias
}

const ownedBridge = ({ name, mac, alias }: BridgeStep): OwnedLink => ({ name, kind: 'bridge', mac, alias })
const ownedVeth = ({ name, mac, alias }: VethStep): OwnedLink => ({ name, kind: 'veth', mac, alias })

export const bridge: Handler<'bridge'> = {
  doing: ({ name }) => `creating bridge ${name}`,
  apply: {
    by: 'messages',
    creates: true,
    devices: () => [],
    messages: (step, _indexOf, { host }) => {
      host.indexes.delete(step.name)
      return [bridgeAdd(step), bridgeSet(step)]
    },
    exists: (step, view) => {
      const found = linkIn(view.host, step.name)
      if (found === undefined) return undefined
      if (found.kind !== 'bridge') throw nameTaken(bridge.doing(step), found, '')
      return { created: false }
    },
  },
  undo: { by: 'link', link: ownedBridge },
  holds: (step, { host }) => linkIn(host, step.name)?.kind === 'bridge',
}

export const veth: Handler<'veth'> = {
  doing: ({ name }) => `creating veth ${name}`,
  apply: {
    by: 'messages',
    creates: true,
    devices: ({ bridge: name }) => [{ where: 'host', name }],
    bears: ({ peer }) => (peer.where === 'host' ? undefined : { where: 'sandbox', name: peer.name }),
    messages: (step, indexOf, { host, sandbox }) => {
      host.indexes.delete(step.name)
      const bridgeIndex = indexOf({ where: 'host', name: step.bridge })
      if (step.peer.where === 'host') return [vethAdd(step, { bridgeIndex }), portSet(step)]
      if (sandbox === undefined)
        throw fail('TSNET_INTERNAL', { message: `${veth.doing(step)}: no sandbox is open` })
      sandbox.indexes.delete(step.peer.name)
      return [vethAdd(step, { bridgeIndex, netns: sandbox.fd }), portSet(step)]
    },
    // The bridge may have been made anew since we looked.
    again: (step, errno, { host }) => {
      host.indexes.delete(step.bridge)
      return errno === EINVAL || errno === ENODEV
    },
    exists: (step, view) => {
      const onHost = linkIn(view.host, step.name)
      if (onHost !== undefined) throw nameTaken(veth.doing(step), onHost, '')
      const beside = step.peer.where === 'host' ? linkIn(view.host, step.peer.name) : undefined
      if (beside !== undefined) throw nameTaken(veth.doing(step), beside, '')
      const inside = linkIn(view.sandbox, step.peer.name)
      if (inside !== undefined) throw nameTaken(veth.doing(step), inside, ' in the sandbox')
      return undefined
    },
  },
  undo: { by: 'link', link: ownedVeth },
  holds: (step, { host, sandbox }) => {
    const found = linkIn(host, step.name)
    if (found === undefined || !isOurs(found, ownedVeth(step)) || !found.up) return false
    if (found.master !== linkIn(host, step.bridge)?.index) return false
    // Where an engine has taken the peer it has another name by now.
    if (step.peer.where === 'host') return true
    return linkIn(sandbox, step.peer.name)?.mac === step.peer.mac
  },
}

/** Gone with the port, so there is nothing to take back. */
export const bridgePort: Handler<'bridgePort'> = {
  doing: ({ name }) => `setting the bridge port flags of ${name}`,
  apply: { by: 'messages', devices: () => [], messages: (step) => [bridgePortSet(step)] },
  undo: { by: 'nothing' },
  holds: (step, { host }) => {
    const found = linkIn(host, step.name)
    return found?.hairpin === step.hairpin && found.isolated === step.isolated
  },
}

const loopback = '127.0.0.1/8' as Cidr

export const linkUp: Handler<'linkUp'> = {
  doing: ({ dev, where }) => `setting ${dev} up${inside(where)}`,
  apply: {
    by: 'messages',
    devices: () => [],
    messages: ({ dev }) => [linkSet(dev, 'up')],
    changes: ({ before }) => before !== 'up',
  },
  undo: {
    by: 'messages',
    device: ({ where, dev }) => ({ where, name: dev }),
    messages: ({ dev, before }, index) => {
      if (before !== 'down') return []
      // The kernel gives lo its address with the first `up`, leaves it with `down`, and would give it again.
      return [linkSet(dev, 'down'), ...(dev === 'lo' ? [addrDel(index, loopback)] : [])]
    },
  },
  holds: ({ where, dev }, view) => linkIn(view[where], dev)?.up === true,
}
