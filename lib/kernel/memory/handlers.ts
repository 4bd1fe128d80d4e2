/**
 * How the memory kernel does a step, takes it back and sees whether it holds:
 * one row for each kind, so that a kind without an inverse does not compile.
 *
 * @module
 */

import { fail } from '../../errors/codes.ts'
import type { Address, Subnet } from '../../model/address.ts'
import type { LoweredKind, RouteStep, StepOf, Where } from '../../plan/step.ts'
import { textHolds, textTakenBack, textWith } from '../../plan/textfile.ts'
import type { StepResult } from '../kernel.ts'
import { loopback, type MemoryLink, type MemoryNamespace, type MemoryRoute } from './namespace.ts'
import type { MemoryRules } from './rules.ts'

/** What steps act on; `sandbox` is undefined where the namespace is gone. */
export interface MemoryWorld {
  readonly host: MemoryNamespace
  readonly sandbox: MemoryNamespace | undefined
  readonly rules: MemoryRules
  readonly files: Map<string, string>
}

export interface MemoryHandler<K extends LoweredKind> {
  /** @throws Refusal, TsnetError */
  readonly apply: (step: StepOf<K>, world: MemoryWorld) => StepResult
  /** Never fails because something is gone. */
  readonly revert: (step: StepOf<K>, world: MemoryWorld) => void
  readonly holds: (step: StepOf<K>, world: MemoryWorld) => boolean
}

const created: StepResult = { created: true }
const existed: StepResult = { created: false }

export const handlers: { readonly [K in LoweredKind]: MemoryHandler<K> } = {
  bridge: {
    apply: ({ name, mac, mtuBytes, alias }, { host }) => {
      const found = host.links.get(name)
      if (found?.kind === 'bridge') return existed
      if (found !== undefined) throw nameTaken(found, '')
      host.addLink({ name, kind: 'bridge', mac, mtuBytes, alias })
      return created
    },
    revert: (step, { host }) => removeOurs(host, step),
    holds: ({ name, mac }, { host }) =>
      host.links.get(name)?.kind === 'bridge' && host.links.get(name)?.mac === mac,
  },
  veth: {
    apply: ({ name, mac, mtuBytes, alias, bridge, peer }, world) => {
      const { host } = world
      const sandbox = peer.where === 'host' ? host : placeOf(world, 'sandbox')
      const [outside, inside] = [host.links.get(name), sandbox.links.get(peer.name)]
      if (outside !== undefined) throw nameTaken(outside, '')
      if (inside !== undefined) throw nameTaken(inside, ' in the sandbox')
      host.link(bridge)
      const end = host.addLink({ name, kind: 'veth', mac, mtuBytes, alias })
      try {
        host.enslave(name, bridge)
      } catch (error) {
        host.removeLink(name)
        throw error
      }
      const other = sandbox.addLink({ name: peer.name, kind: 'veth', mac: peer.mac, mtuBytes })
      end.peer = { namespace: sandbox, link: other }
      other.peer = { namespace: host, link: end }
      host.setUp(name, 'up')
      return created
    },
    revert: (step, { host }) => removeOurs(host, step),
    holds: ({ name, alias, bridge, peer }, { host }) => {
      const link = host.links.get(name)
      return link?.alias === alias && link.master === bridge && link.up && link.peer?.link.name === peer.name
    },
  },
  bridgePort: {
    apply: ({ name, hairpin, isolated }, { host }) => {
      const link = host.link(name)
      if (link.master === undefined)
        throw fail('TSNET_STEP_FAILED', { message: `${name} is no port of a bridge` })
      Object.assign(link, { hairpin, isolated })
      return created
    },
    revert: () => {},
    holds: ({ name, hairpin, isolated }, { host }) => {
      const link = host.links.get(name)
      return link?.hairpin === hairpin && link.isolated === isolated
    },
  },
  linkUp: {
    apply: ({ where, dev }, world) => {
      const place = placeOf(world, where)
      if (place.link(dev).up) return existed
      place.setUp(dev, 'up')
      return created
    },
    revert: ({ where, dev, before }, world) => {
      const place = world[where]
      if (before !== 'down' || !place?.links.has(dev)) return
      place.setUp(dev, 'down')
      if (dev === 'lo') place.removeAddress(dev, loopback)
    },
    holds: ({ where, dev }, world) => world[where]?.links.get(dev)?.up === true,
  },
  address: {
    apply: ({ where, dev, cidr }, world) => {
      const place = placeOf(world, where)
      if (place.hasAddress(dev, cidr)) return existed
      place.addAddress(dev, cidr)
      return created
    },
    revert: ({ where, dev, cidr }, world) => world[where]?.removeAddress(dev, cidr),
    holds: ({ where, dev, cidr }, world) => world[where]?.hasAddress(dev, cidr) === true,
  },
  route: {
    apply: (step, world) => {
      const place = placeOf(world, step.where)
      if (place.hasRoute(routeOf(step))) return existed
      place.addRoute(routeOf(step))
      return created
    },
    revert: (step, world) => world[step.where]?.removeRoute(routeOf(step)),
    holds: (step, world) => world[step.where]?.hasRoute(routeOf(step)) === true,
  },
  sysctl: {
    apply: ({ where, key, value, optional }, world) => {
      const place = placeOf(world, where)
      const now = place.sysctl(key)
      if (now === value || (now === undefined && optional)) return existed
      place.setSysctl(key, value)
      return created
    },
    revert: ({ where, key, value, before, keep }, world) => {
      const place = world[where]
      // Somebody else has set it since: theirs it stays.
      if (keep || before === undefined || place?.sysctl(key) !== value) return
      place.setSysctl(key, before)
    },
    holds: ({ where, key, value, optional }, world) => {
      const now = world[where]?.sysctl(key)
      return now === value || (now === undefined && optional)
    },
  },
  rules: {
    apply: (step, { rules }) => rules.add(step),
    revert: (step, { rules }) => rules.remove(step),
    holds: (step, { rules }) => rules.holds(step),
  },
  // Of lines for programs only a moved route is understood; the others only a real kernel answers.
  batch: {
    apply: ({ add, where }, world) => {
      for (const line of add) replaceRoute(placeOf(world, where), line)
      return created
    },
    revert: ({ remove, where }, world) => {
      for (const line of remove) replaceRoute(world[where], line)
    },
    holds: () => true,
  },
  // There are no flows here.
  conntrack: { apply: () => created, revert: () => {}, holds: () => true },
  file: {
    apply: (step, { files }) => {
      const [before, after] = [files.get(step.path), textWith(step, files.get(step.path))]
      files.set(step.path, after)
      return before === after && step.mark === undefined ? existed : created
    },
    revert: (step, { files }) => {
      const text = textTakenBack(step, files.get(step.path))
      if (text === undefined) files.delete(step.path)
      else files.set(step.path, text)
    },
    holds: (step, { files }) => textHolds(step, files.get(step.path)),
  },
}

function placeOf(world: MemoryWorld, where: Where): MemoryNamespace {
  const place = world[where]
  if (place === undefined)
    throw fail('TSNET_INTERNAL', { message: 'applying a sandbox step: no sandbox is open' })
  return place
}

function removeOurs(host: MemoryNamespace, step: { readonly name: string; readonly alias: string }): void {
  if (host.links.get(step.name)?.alias === step.alias) host.removeLink(step.name)
}

function nameTaken(link: MemoryLink, place: string): Error {
  return fail('TSNET_IFNAME_IN_USE', {
    message: `${link.kind || 'an'} interface ${link.name} is there already${place}`,
    value: link.name,
  })
}

/** `route replace TO via GATEWAY dev DEV` */
function replaceRoute(place: MemoryNamespace | undefined, line: string): void {
  const [, to, via, dev] = /^route replace (\S+) via (\S+) dev (\S+)$/.exec(line) ?? []
  if (to === undefined || via === undefined || dev === undefined || place?.links.has(dev) !== true) return
  const route = { to: to as Subnet, via: via as Address, dev, metric: 0 }
  const known = place.findRoute(route)
  if (known !== undefined) place.removeRoute(known)
  place.addRoute(route)
}

function routeOf({ to, via, dev, metric = 0 }: RouteStep): MemoryRoute {
  return { to, via, dev, metric }
}
