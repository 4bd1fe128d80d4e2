/**
 * Which networks `setup` joins: `--network`, and what `--ip`, `--mac` and the like say of the first.
 *
 * @module
 */

import type { EndpointRequest, SetupRequest } from '../../lib/index.ts'
import { type Flags, listFlag, textFlag, type VerbLib } from './command.ts'

/** @throws TSNET_BAD_VALUE, TSNET_MODE_MISMATCH (invalid) */
export function networksOf(
  flags: Flags,
  lib: VerbLib,
): Pick<SetupRequest, 'mode' | 'shareWith' | 'networks'> {
  const specs = listFlag(flags, 'network').map((text) => lib.parseNetworkFlag(text, '--network'))
  const combined = lib.combineNetworkFlags(specs, '--network')
  const first = firstNetworkOf(flags, lib)
  const onFirst = Object.keys(first).length > 0
  if (combined.mode !== 'bridge') {
    const flag = ['ip', 'ip6', 'mac', 'mtu', 'defaultRoute'].find((name) => flags[name] !== undefined)
    if (flag === undefined) return combined
    const field = flag === 'defaultRoute' ? '--default-route' : `--${flag}`
    const message = `reading ${field}: mode ${combined.mode} joins no networks`
    throw lib.fail('TSNET_MODE_MISMATCH', { field, value: flags[flag], message, hint: `leave ${field} out` })
  }
  if (!onFirst) return { ...combined, networks: withDefaultRoute(combined.networks, flags, lib) }
  const [head = { network: lib.DEFAULT_NETWORK }, ...rest] = combined.networks
  const networks = [joinFirst(head, first, lib), ...rest]
  return { ...combined, networks: withDefaultRoute(networks, flags, lib) }
}

/** What `--ip`, `--ip6`, `--mac` and `--mtu` say of the first network. */
function firstNetworkOf(flags: Flags, lib: VerbLib): Omit<EndpointRequest, 'network'> {
  const ip = textFlag(flags, 'ip')
  const ip6 = textFlag(flags, 'ip6')
  const mac = textFlag(flags, 'mac')
  const mtu = textFlag(flags, 'mtu')
  const addresses = [
    ...(ip === undefined ? [] : [lib.readUnicast(ip, '--ip', 4)]),
    ...(ip6 === undefined ? [] : [lib.readUnicast(ip6, '--ip6', 6)]),
  ]
  return {
    ...(addresses.length === 0 ? {} : { addresses }),
    ...(mac === undefined ? {} : { mac: lib.readMac(mac, '--mac') }),
    ...(mtu === undefined ? {} : { mtuBytes: lib.readMtu(mtu, '--mtu') }),
  }
}

function joinFirst(
  spec: EndpointRequest,
  first: Omit<EndpointRequest, 'network'>,
  lib: VerbLib,
): EndpointRequest {
  const refuse = (field: string, value: unknown): never => {
    const message = `reading ${field}: --network ${spec.network} has one already`
    throw lib.fail('TSNET_BAD_VALUE', { field, value, message, hint: 'leave one of the two out' })
  }
  for (const address of first.addresses ?? []) {
    const six = address.includes(':')
    if (spec.addresses?.some((other) => other.includes(':') === six)) refuse(six ? '--ip6' : '--ip', address)
  }
  if (spec.mac !== undefined && first.mac !== undefined) refuse('--mac', first.mac)
  if (spec.mtuBytes !== undefined && first.mtuBytes !== undefined) refuse('--mtu', first.mtuBytes)
  const addresses = [...(spec.addresses ?? []), ...(first.addresses ?? [])]
  return { ...spec, ...first, ...(addresses.length === 0 ? {} : { addresses }) }
}

/** `--default-route` is a priority above all others. */
function withDefaultRoute(
  given: readonly EndpointRequest[],
  flags: Flags,
  lib: VerbLib,
): readonly EndpointRequest[] {
  const wanted = textFlag(flags, 'defaultRoute')
  if (wanted === undefined) return given
  const networks = given.length > 0 ? given : [{ network: lib.DEFAULT_NETWORK }]
  const name = lib.meantNetwork(wanted)
  const byName = networks.findIndex(({ network }) => network === name)
  const at = byName >= 0 ? byName : ifnamesOf(networks).indexOf(wanted)
  if (at < 0) {
    const joined = networks.map(({ network }) => network).join(', ')
    throw lib.fail('TSNET_BAD_VALUE', {
      field: '--default-route',
      value: wanted,
      message: `reading --default-route: "${wanted}" is none of the networks joined here`,
      hint: `joined are ${joined}`,
    })
  }
  const highest = Math.max(0, ...networks.map(({ gatewayPriority = 0 }) => gatewayPriority))
  return networks.map((endpoint, i) => (i === at ? { ...endpoint, gatewayPriority: highest + 1 } : endpoint))
}

/** What they are called in a namespace that has nothing but lo, as the engine numbers them. */
function ifnamesOf(networks: readonly EndpointRequest[]): readonly string[] {
  const asked = networks.map(({ ifname }) => ifname)
  let next = 0
  return networks.map(({ ifname }) => {
    if (ifname !== undefined) return ifname
    while (asked.includes(`eth${next}`)) next++
    return `eth${next++}`
  })
}
