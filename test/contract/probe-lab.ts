/**
 * The hosts that the probe table is run on, made with `ip` alone.
 *
 * ```
 *  outside ── 198.51.100.0/24, MTU 1400 ── host ── seven bridges, one for each network of the table
 *     .2                                 .1 .101
 * ```
 *
 * The outside has its default route through the host, as a neighbour that means
 * harm would. It and `web2` also send packets for 127.0.0.1 to the host, and the
 * host's outer link takes them (`route_localnet`), so that only the rules keep
 * them out. Everything is as tsnet makes it, but for the rules.
 *
 * @module
 */

import { type Address, type Family, macFromAddress, type Subnet } from '../../lib/model/address.ts'
import type { FirewallIntent, NetworkIntent, PublishIntent } from '../../lib/plan/intent.ts'
import type { Container, Host } from '../../netns-fixtures/host.ts'
import { createLab, type Lab } from '../../netns-fixtures/lab.ts'
import type { Place } from '../../netns-fixtures/place.ts'
import {
  containerPorts,
  hostLoopbackPort,
  hostPort,
  outsidePort,
  type ProbeNetwork,
  probeBindings,
  probeNetworks,
} from './probes.ts'

export interface ProbeLab {
  readonly lab: Lab
  readonly host: Host
  readonly outside: Host
  /** `outside`, `host` or a container. */
  place(name: string): Place
  /** Address a name of the table stands for; `gateway` is that of `near`'s network. */
  address(name: string, family: Family, near: string): Address
}

const wires = { v4: '198.51.100', v6: '2001:db8:100:' } as const
const fixed: Readonly<Record<string, Readonly<Record<Family, string>>>> = {
  host: { 4: `${wires.v4}.1`, 6: `${wires.v6}:1` },
  outside: { 4: `${wires.v4}.2`, 6: `${wires.v6}:2` },
  host2: { 4: `${wires.v4}.101`, 6: `${wires.v6}:101` },
  localhost: { 4: '127.0.0.1', 6: '::1' },
}

const bridgeOf = ({ name }: ProbeNetwork): string => `ts-${name}`
const subnetOf = (index: number, family: Family): Subnet =>
  (family === 4 ? `10.89.${index}.0/24` : `fd00:89:0:${index + 1}::/64`) as Subnet
const addressIn = (index: number, family: Family, host: number): Address =>
  (family === 4 ? `10.89.${index}.${host}` : `fd00:89:0:${index + 1}::${host}`) as Address

/** Where a container is: its network's number, and its own in it. */
function seatOf(name: string): { readonly network: number; readonly host: number } {
  const network = probeNetworks.findIndex(({ containers }) => containers.includes(name))
  const seat = probeNetworks[network]?.containers.indexOf(name)
  if (seat === undefined) throw new Error(`the probe table has no container ${name}`)
  return { network, host: seat + 2 }
}

function addressOf(name: string, family: Family, near: string): Address {
  const known = fixed[name]?.[family]
  if (known !== undefined) return known as Address
  const { network, host } = seatOf(name === 'gateway' ? near : name)
  return addressIn(network, family, name === 'gateway' ? 1 : host)
}

/** Makes the hosts and containers, and starts all servers. Takes about two seconds. */
export async function createProbeLab(): Promise<ProbeLab> {
  const lab = await createLab()
  try {
    const host = await lab.host('host', { forwarding: true })
    const outside = await lab.host('outside')
    await lab.wire(host, outside, `${wires.v4}.0/24`, {
      v6: `${wires.v6}:/64`,
      mtu: 1400,
      defaultRoute: 'second',
    })
    await host.sh(`ip addr add ${fixed['host2']?.[4]}/24 dev eth0
      ip addr add ${fixed['host2']?.[6]}/64 dev eth0 nodad preferred_lft 0
      sysctl -qw net.ipv4.conf.eth0.route_localnet=1`)
    const places = new Map<string, Place>([
      ['host', host],
      ['outside', outside],
    ])
    for (const [index, network] of probeNetworks.entries()) {
      await makeBridge(host, network, index)
      for (const name of network.containers) {
        const container = await lab.container(host, { name })
        await plugIn(container, network, seatOf(name))
        places.set(name, container)
      }
    }
    const place = (name: string): Place => {
      const found = places.get(name)
      if (!found) throw new Error(`the probe table has no ${name}`)
      return found
    }
    await forgeRoutes(outside, addressOf('host', 4, ''), addressOf('outside', 4, ''))
    await forgeRoutes(place('web2'), addressOf('gateway', 4, 'web2'), addressOf('web2', 4, ''))
    await serveAll(places)
    return { lab, host, outside, place, address: addressOf }
  } catch (error) {
    await lab.dispose()
    throw error
  }
}

/** What the table's networks and published ports are, in the words of the printers. */
export function probeIntents(): readonly FirewallIntent[] {
  const networks = probeNetworks.map((network, index): NetworkIntent => {
    const { name, internal, icc, isolate, masquerade } = network
    const subnets = [subnetOf(index, 4), subnetOf(index, 6)]
    const bridge = bridgeOf(network)
    return { kind: 'network', network: name, bridge, subnets, internal, icc, isolate, masquerade }
  })
  const publishing = [...new Set(probeBindings.map(({ container }) => container))]
  return [{ kind: 'base' }, ...networks, ...publishing.map(publishIntent)]
}

function publishIntent(container: string): PublishIntent {
  const network = probeNetworks[seatOf(container).network]
  const bindings = probeBindings.filter((binding) => binding.container === container)
  return {
    kind: 'publish',
    owner: `${container}/eth0`,
    bridge: network === undefined ? '' : bridgeOf(network),
    addresses: [addressOf(container, 4, ''), addressOf(container, 6, '')],
    bindings: bindings.flatMap(({ at, hostPort, containerPort, count, protocol }) => {
      const binding = { hostPort, containerPort, count, protocol }
      if (at === undefined) return [binding]
      // Nothing can be published on ::1 (decisions 8).
      const families = at === 'localhost' ? ([4] as const) : ([4, 6] as const)
      return families.map((family) => ({ ...binding, hostAddress: addressOf(at, family, '') }))
    }),
  }
}

async function makeBridge(host: Host, network: ProbeNetwork, index: number): Promise<void> {
  const dev = bridgeOf(network)
  const [v4, v6] = [addressIn(index, 4, 1), addressIn(index, 6, 1)]
  await host.sh(`ip link add ${dev} address ${macFromAddress(v4)} type bridge
    sysctl -qw net.ipv6.conf.${dev}.accept_dad=0
    ${network.internal ? '' : `sysctl -qw net.ipv4.conf.${dev}.route_localnet=1`}
    ip addr add ${v4}/24 dev ${dev}
    ip addr add ${v6}/64 dev ${dev} nodad
    ip link set ${dev} up`)
}

async function plugIn(
  container: Container,
  network: ProbeNetwork,
  seat: { readonly network: number; readonly host: number },
): Promise<void> {
  const [v4, v6] = ([4, 6] as const).map((family) => addressIn(seat.network, family, seat.host))
  const [gateway4, gateway6] = ([4, 6] as const).map((family) => addressIn(seat.network, family, 1))
  // No link-local address on the port: it would come a second later, between two snapshots.
  await container.host.sh(`ip link add ${container.name} type veth peer name eth0 netns ${container.pid}
    ip link set ${container.name} addrgenmode none master ${bridgeOf(network)} up
    ip link set ${container.name} type bridge_slave hairpin on`)
  // The default route on internal networks, too: not the lack of a route shall keep them in.
  await container.sh(`ip link set lo up
    sysctl -qw net.ipv6.conf.eth0.accept_dad=0
    ip link set eth0 address ${macFromAddress(v4 as Address)} up
    ip addr add ${v4}/24 dev eth0
    ip addr add ${v6}/64 dev eth0 nodad
    ip route add default via ${gateway4}
    ip -6 route add default via ${gateway6}`)
}

/** Makes a place send what it has for 127.0.0.1 to the host, as somebody who means harm. */
async function forgeRoutes(place: Place, gateway: Address, source: Address): Promise<void> {
  await place.sh(`sysctl -qw net.ipv4.conf.all.route_localnet=1
    ip addr del 127.0.0.1/8 dev lo
    ip route add 127.0.0.0/8 via ${gateway} dev eth0 src ${source}`)
}

async function serveAll(places: ReadonlyMap<string, Place>): Promise<void> {
  const starting = [...places].flatMap(([name, { serve }]) => {
    if (name === 'host') {
      const own = [serve.tcp, serve.sctp].map((start) => start(hostPort))
      return [...own, serve.tcp(hostLoopbackPort, { address: '127.0.0.1' })]
    }
    const ports = name === 'outside' ? [outsidePort] : containerPorts
    return ports.flatMap((port) => [serve.tcp(port), serve.udp(port), serve.sctp(port)])
  })
  await Promise.all(starting)
}
