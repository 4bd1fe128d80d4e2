/**
 * Examinations of the host: forwarding, bridges, and what belongs to nobody.
 *
 * @module
 */

import type { NetworkInspect } from '../../engine/engine.ts'
import { type Cidr, familyOf, prefixLength } from '../../model/address.ts'
import { ownerInKey } from '../../model/names.ts'
import { hostOf } from '../find.ts'
import { type Ailment, mendBy } from './ailment.ts'
import { overlapping } from './overlaps.ts'
import type { Patient } from './patient.ts'
import { isBridged, isGateway } from './presumed.ts'

/** BR_MAX_PORTS in net/bridge/br_private.h, and when to speak of it. */
const bridgeCapacity = 1023
const nearlyFull = 1000

export function hostAilments(patient: Patient): readonly Ailment[] {
  return [
    ...forwarding(patient),
    ...bridges(patient),
    ...overlapping(patient),
    ...strayLinks(patient),
    ...strayLeases(patient),
  ]
}

function forwarding({ networks, sysctls }: Patient): readonly Ailment[] {
  const ways = [
    { family: 4, key: 'net/ipv4/ip_forward', name: 'net.ipv4.ip_forward' },
    { family: 6, key: 'net/ipv6/conf/all/forwarding', name: 'net.ipv6.conf.all.forwarding' },
  ] as const
  return ways.flatMap(({ family, key, name }): readonly Ailment[] => {
    const needing = networks.filter(
      ({ config, live }) =>
        live &&
        !config.internal &&
        isGateway(config) &&
        config.subnets.some(({ subnet }) => familyOf(subnet) === family),
    )
    if (needing.length === 0 || sysctls.get(key) !== '0') return []
    return [
      {
        code: 'forwarding-off',
        severity: 'error',
        subject: 'host',
        what: `this host does not forward IPv${family}: containers reach nobody outside, and nobody reaches them`,
        evidence: [
          `${name} = 0`,
          `networks that need it: ${needing.map(({ config }) => config.name).join(', ')}`,
        ],
        ...mendBy(['sysctl', '-w', `${name}=1`]),
        safe: true,
      },
    ]
  })
}

function bridges({ networks, inventory }: Patient): readonly Ailment[] {
  const bridged = networks.filter(({ config }) => isBridged(config))
  return bridged.flatMap(({ config, containers }): readonly Ailment[] => {
    const { name } = config
    const bridge = inventory.bridges.find((one) => one.name === config.options.bridge)
    if (bridge === undefined) return containers.length === 0 ? [] : [goneBridge(name, config.options.bridge)]
    const found: Ailment[] = []
    if (!bridge.up) {
      found.push({
        code: 'bridge-down',
        severity: 'error',
        subject: name,
        what: `the bridge of network ${name} is down: nothing goes through it`,
        evidence: [`${bridge.name} is DOWN, with ${bridge.ports.length} ports`],
        ...mendBy(['ip', 'link', 'set', bridge.name, 'up']),
        safe: config.options.unmanaged !== true,
      })
    }
    if (bridge.ports.length >= nearlyFull) {
      found.push({
        code: 'bridge-full',
        severity: bridge.ports.length >= bridgeCapacity ? 'error' : 'warning',
        subject: name,
        what: `the bridge of network ${name} has ${bridge.ports.length} of ${bridgeCapacity} ports the kernel allows`,
        evidence: [`${bridge.name}: ${bridge.ports.length} ports`],
        fix: `tsnet network create ${name}2, and put new containers there`,
        safe: false,
      })
    }
    return [...found, ...(bridge.up && isGateway(config) ? gateways(name, bridge, config) : [])]
  })
}

function goneBridge(network: string, bridge: string): Ailment {
  return {
    code: 'bridge-gone',
    severity: 'error',
    subject: network,
    what: `the bridge of network ${network} is gone: its containers reach nobody`,
    evidence: [`there is no link ${bridge}`],
    fix: 'tear its containers down (tsnet ls) and set them up again',
    safe: false,
  }
}

function gateways(
  network: string,
  { name: dev, addresses }: { readonly name: string; readonly addresses: readonly Cidr[] },
  { subnets, internal }: NetworkInspect['config'],
): readonly Ailment[] {
  return subnets.flatMap(({ subnet, gateway }): readonly Ailment[] => {
    const wanted = `${gateway}/${prefixLength(subnet)}` as Cidr
    if (addresses.includes(wanted)) return []
    return [
      {
        code: 'gateway-missing',
        severity: 'error',
        subject: network,
        what: internal
          ? `the host has lost its address on network ${network}: containers get no names there`
          : `the gateway of network ${network} is gone: its containers have no way out and no names`,
        evidence: [
          `${dev} has ${addresses.filter((one) => !one.startsWith('fe80')).join(', ') || 'no address'}, and not ${wanted}`,
        ],
        ...mendBy(['ip', 'addr', 'add', wanted, 'dev', dev]),
        safe: true,
      },
    ]
  })
}

/** Ends of pairs that carry our mark, and no record knows them. */
function strayLinks(patient: Patient): readonly Ailment[] {
  const known = new Set(
    patient.inventory.records.flatMap(({ attachments }) => attachments.map(({ hostIfname }) => hostIfname)),
  )
  const pending = patient.disagreements.some(({ kind }) => kind === 'pending')
  const lost = lostContainers(patient)
  return (hostOf(patient.inventory)?.interfaces ?? [])
    .filter(
      ({ name, alias }) =>
        !pending &&
        !lost.some((id) => alias?.startsWith(`tsnet:${id}/`)) &&
        alias?.startsWith('tsnet:') === true &&
        !alias.startsWith('tsnet:network/') &&
        !known.has(name),
    )
    .map(
      ({ name, alias }): Ailment => ({
        code: 'stale-link',
        severity: 'warning',
        subject: name,
        what: `link ${name} was made for a container that tsnet knows nothing of`,
        evidence: [`alias ${alias}`],
        ...mendBy(['ip', 'link', 'del', name]),
        safe: false,
      }),
    )
}

/** Containers whose record was set aside: told already, and what they have is theirs. */
function lostContainers({ disagreements }: Patient): readonly string[] {
  return disagreements.flatMap(({ kind, subject }) => (kind === 'record' ? [ownerInKey(subject)] : []))
}

function strayLeases(patient: Patient): readonly Ailment[] {
  const { networks, inventory, disagreements } = patient
  if (disagreements.some(({ kind }) => kind === 'pending')) return []
  const lost = lostContainers(patient)
  return networks.flatMap(({ config, leases }) => {
    const held = new Set(
      inventory.records.flatMap(({ attachments }) =>
        attachments
          .filter(({ network }) => network === config.name)
          .flatMap(({ addresses }) => addresses.map((cidr) => cidr.replace(/\/.*/, ''))),
      ),
    )
    return leases
      .filter(({ address, owner }) => !held.has(address) && !lost.some((id) => isOwner(owner, id)))
      .map(
        ({ address, owner }): Ailment => ({
          code: 'stale-lease',
          severity: 'warning',
          subject: config.name,
          what: `${address} of network ${config.name} is leased, and no container has it`,
          evidence: [`held by ${owner === '' ? 'nobody' : owner}`],
          ...mendBy(['tsnet', 'gc']),
          safe: true,
        }),
      )
  })
}

/** `web (3f2a)`, or the id alone. */
function isOwner(owner: string, id: string): boolean {
  return owner === id || owner.endsWith(` (${id})`)
}
