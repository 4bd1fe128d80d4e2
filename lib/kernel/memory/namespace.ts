/**
 * One network namespace of the memory kernel: links, addresses, routes and
 * sysctls, with the kernel's rules about what needs what.
 *
 * Refusals carry the name the kernel would give (`EEXIST`); what step it was
 * is said by the caller.
 *
 * @module
 */

import {
  type Address,
  type Cidr,
  contains,
  type Family,
  familyOf,
  type Mac,
  subnetOf,
} from '../../model/address.ts'
import type { LinkFact, RouteFact } from '../../plan/facts.ts'
import { defaultSysctl, takesValue } from './sysctls.ts'

/** The kernel said no. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly errno: string

  constructor(errno: string, detail: string) {
    super(`${errno} (${detail})`)
    this.errno = errno
  }
}

export interface MemoryLink {
  name: string
  kind: string
  mac: Mac | undefined
  mtuBytes: number
  up: boolean
  master?: string
  alias?: string
  hairpin: boolean
  isolated: boolean
  /** The other end of a veth pair. */
  peer?: { readonly namespace: MemoryNamespace; readonly link: MemoryLink }
}

export interface MemoryRoute {
  readonly to: Cidr
  readonly via: Address | undefined
  readonly dev: string
  readonly metric: number
}

/** The address the kernel gives to lo. */
export const loopback: Cidr = '127.0.0.1/8' as Cidr

/** struct net_bridge_port numbers are 10 bits, and 0 is not used (BR_MAX_PORTS). */
const MAX_BRIDGE_PORTS = 1023

export class MemoryNamespace {
  readonly links: Map<string, MemoryLink> = new Map()
  addresses: { readonly dev: string; readonly cidr: Cidr }[] = []
  routes: MemoryRoute[] = []
  /** Those that were written; others have their default. */
  readonly #sysctls = new Map<string, string>()

  constructor() {
    this.addLink({ name: 'lo', kind: '', mtuBytes: 65536 })
  }

  /** @throws Refusal EEXIST */
  addLink(link: { name: string; kind: string; mtuBytes: number; mac?: Mac; alias?: string }): MemoryLink {
    if (this.links.has(link.name)) throw new Refusal('EEXIST', `${link.name} is there already`)
    const added: MemoryLink = { mac: undefined, up: false, hairpin: false, isolated: false, ...link }
    this.links.set(link.name, added)
    return added
  }

  /** @throws Refusal ENODEV */
  link(name: string): MemoryLink {
    const link = this.links.get(name)
    if (link === undefined) throw new Refusal('ENODEV', `no link ${name}`)
    return link
  }

  /** What hung on the link goes with it; the other end of a veth pair too. */
  removeLink(name: string): void {
    const link = this.links.get(name)
    if (link === undefined) return
    this.links.delete(name)
    this.addresses = this.addresses.filter(({ dev }) => dev !== name)
    this.#dropRoutes(name)
    for (const key of [...this.#sysctls.keys()]) if (interfaceOf(key) === name) this.#sysctls.delete(key)
    for (const port of this.links.values()) if (port.master === name) delete port.master
    link.peer?.namespace.removeLink(link.peer.link.name)
  }

  /** @throws Refusal ENODEV, EINVAL for something that is no bridge, EXFULL */
  enslave(name: string, bridge: string): void {
    if (this.link(bridge).kind !== 'bridge') throw new Refusal('EINVAL', `${bridge} is no bridge`)
    const ports = [...this.links.values()].filter(({ master }) => master === bridge)
    if (ports.length >= MAX_BRIDGE_PORTS) throw new Refusal('EXFULL', `${bridge} has all its ports`)
    this.link(name).master = bridge
  }

  /** @throws Refusal ENODEV */
  setUp(name: string, to: 'up' | 'down'): void {
    this.link(name).up = to === 'up'
    // With the first "up"; "down" leaves it.
    if (to === 'up' && name === 'lo' && !this.hasAddress('lo', loopback)) this.addAddress('lo', loopback)
    if (to === 'down') this.#dropRoutes(name)
  }

  defaultRoutes(): readonly Family[] {
    const defaults = this.routes.filter(({ to }) => to === '0.0.0.0/0' || to === '::/0')
    return [...new Set(defaults.map(({ to }) => familyOf(to)))]
  }

  hasAddress(dev: string, cidr: Cidr): boolean {
    return this.addresses.some((one) => one.dev === dev && one.cidr === cidr)
  }

  /** @throws Refusal ENODEV, EEXIST, EACCES where IPv6 is off */
  addAddress(dev: string, cidr: Cidr): void {
    this.link(dev)
    if (familyOf(cidr) === 6 && this.sysctl(`net/ipv6/conf/${dev}/disable_ipv6`) === '1') {
      throw new Refusal('EACCES', `IPv6 is off on ${dev}`)
    }
    if (this.hasAddress(dev, cidr)) throw new Refusal('EEXIST', `${dev} has ${cidr} already`)
    this.addresses.push({ dev, cidr })
  }

  removeAddress(dev: string, cidr: Cidr): void {
    this.addresses = this.addresses.filter((one) => one.dev !== dev || one.cidr !== cidr)
  }

  findRoute(route: Pick<MemoryRoute, 'to' | 'metric'>): MemoryRoute | undefined {
    return this.routes.find(({ to, metric }) => to === route.to && metric === route.metric)
  }

  /** @throws Refusal ENODEV, ENETDOWN, ENETUNREACH, EEXIST */
  addRoute(route: MemoryRoute): void {
    const { to, via, dev } = route
    if (!this.link(dev).up) throw new Refusal('ENETDOWN', `${dev} is down`)
    const reachable =
      via === undefined || this.addresses.some((one) => one.dev === dev && contains(one.cidr, via))
    if (!reachable) throw new Refusal('ENETUNREACH', `${via} is not on ${dev}`)
    if (this.findRoute(route) !== undefined) throw new Refusal('EEXIST', `there is a route to ${to} already`)
    this.routes.push(route)
  }

  removeRoute(route: MemoryRoute): void {
    this.routes = this.routes.filter((one) => !sameRoute(one, route))
  }

  hasRoute(route: MemoryRoute): boolean {
    return this.routes.some((one) => sameRoute(one, route))
  }

  /** @returns undefined where there is no such key, or no such interface */
  sysctl(key: string): string | undefined {
    const dev = interfaceOf(key)
    if (dev !== undefined && !this.links.has(dev)) return undefined
    const inherited = dev === undefined ? undefined : this.#sysctls.get(key.replace(`/${dev}/`, '/default/'))
    return this.#sysctls.get(key) ?? inherited ?? defaultSysctl(key)
  }

  /** @throws Refusal ENOENT, EINVAL */
  setSysctl(key: string, value: string): void {
    if (this.sysctl(key) === undefined) throw new Refusal('ENOENT', `no sysctl ${key}`)
    if (!takesValue(key, value)) throw new Refusal('EINVAL', `${key} is a number`)
    this.#sysctls.set(key, value)
  }

  linkFacts(): readonly LinkFact[] {
    return [...this.links.values()].map(({ name, kind, mac, mtuBytes, up, master, alias }) => {
      return { name, kind, mac, mtuBytes, up, master, alias }
    })
  }

  /** With the ones the kernel makes for the addresses of links that are up. */
  routeFacts(): readonly RouteFact[] {
    const connected = this.addresses
      .filter(({ dev }) => dev !== 'lo' && this.links.get(dev)?.up)
      .map(({ dev, cidr }) => ({ to: subnetOf(cidr), via: undefined, dev, metric: 0 }))
    return [...connected, ...this.routes.map((route) => ({ ...route, to: subnetOf(route.to) }))]
  }

  /** Everything that is not as in an empty namespace, a line each, sorted by kind. */
  dump(): readonly string[] {
    const links = [...this.links.values()].map((link) => `link ${linkWords(link)}`)
    const addresses = this.addresses.map(({ dev, cidr }) => `address ${cidr} dev ${dev}`)
    const routes = this.routes.map(
      (route) => `route ${route.to} via ${route.via} dev ${route.dev} metric ${route.metric}`,
    )
    const sysctls = [...this.#sysctls]
      .filter(([key, value]) => value !== defaultSysctl(key))
      .map(([key, value]) => `sysctl ${key}=${value}`)
    return [links, addresses, routes, sysctls].flatMap((lines) => lines.toSorted())
  }

  /** As the kernel does with the last process of a namespace: pairs lose both ends. */
  destroy(): void {
    for (const name of [...this.links.keys()]) this.removeLink(name)
  }

  #dropRoutes(name: string): void {
    this.routes = this.routes.filter(({ dev }) => dev !== name)
  }
}

function sameRoute(a: MemoryRoute, b: MemoryRoute): boolean {
  return a.to === b.to && a.via === b.via && a.dev === b.dev && a.metric === b.metric
}

/** The interface a key belongs to: `net/ipv4/conf/eth0/…`. */
function interfaceOf(key: string): string | undefined {
  const [, dev] = /^net\/ipv[46]\/(?:conf|neigh)\/([^/]+)\//.exec(key) ?? []
  return dev === 'all' || dev === 'default' ? undefined : dev
}

function linkWords(link: MemoryLink): string {
  const { name, kind, mac, mtuBytes, up, master, alias, hairpin, isolated, peer } = link
  return [
    name,
    kind || 'physical',
    ...(mac === undefined ? [] : [mac]),
    `mtu ${mtuBytes}`,
    up ? 'up' : 'down',
    ...(master === undefined ? [] : [`master ${master}`]),
    ...(hairpin ? ['hairpin'] : []),
    ...(isolated ? ['isolated'] : []),
    ...(peer === undefined ? [] : [`peer ${peer.link.name}`]),
    ...(alias === undefined ? [] : [`alias "${alias}"`]),
  ].join(' ')
}
