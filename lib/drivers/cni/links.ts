/**
 * The CNI plugins that make one link inside the sandbox: `macvlan`, `ipvlan`,
 * `vlan`, `dummy` and `tap`.
 *
 * @module
 */

import { fail } from '../../errors/codes.ts'
import { sysctl } from '../../plan/sysctl.ts'
import {
  chooseMac,
  type InterfaceOptions,
  insideFaults,
  insideLines,
  insideSettings,
  ip,
  isExpectedLink,
  refuseTakenName,
} from './interface.ts'
import {
  defaultDevice,
  type LinkDetail,
  linkNamed,
  type Obstacle,
  type PartFacts,
  type PartInput,
  type PartPlan,
  type PartPlanner,
} from './part.ts'

export type LinkKind = 'macvlan' | 'ipvlan' | 'vlan' | 'dummy' | 'tap'

export interface LinkPartOptions extends InterfaceOptions {
  /** Absent: the device of the default route, of the container with `linkInContainer`. Not for `dummy` and `tap`. */
  readonly master?: string
  readonly linkInContainer: boolean
  /** Words for `ip link add … type KIND`. */
  readonly mode?: string
  readonly bcQueueLength?: number
  readonly vlanId?: number
  readonly multiQueue?: boolean
  readonly owner?: number
  readonly group?: number
  /** SELinux context a tap is made in. */
  readonly context?: string
  /** A bridge inside the sandbox that the tap is put in. */
  readonly bridge?: string
}

type Input = PartInput<LinkPartOptions>

const hasMaster = (kind: LinkKind): boolean => kind !== 'dummy' && kind !== 'tap'

export function linkPart(kind: LinkKind): PartPlanner<LinkPartOptions> {
  return {
    alone: true,
    looks: () => [{ what: 'links' }, { what: 'sandbox' }],
    add: (input) => planAdd(kind, input),
    obstacle: (options, facts) => masterObstacle(kind, options, facts),
    address: ({ id, options }) => ({
      shared: [],
      steps: [...insideSettings(id.ifname, options, false), ip('sandbox', insideLines(id.ifname, options))],
    }),
    remove: ({ id, options, facts }) => {
      const link = linkNamed(facts.sandbox, id.ifname)
      const ours =
        link !== undefined && link.kind === kernelKind(kind) && isExpectedLink(link, options.expected)
      return ours ? [ip('sandbox', [], [`link delete dev ${id.ifname}`])] : []
    },
    check: ({ id, options, facts }) => {
      if (options.expected === undefined) return []
      const link = linkNamed(facts.sandbox, id.ifname)
      return [
        ...insideFaults(facts, id.ifname, options.expected, [kernelKind(kind)]),
        ...(link === undefined || link.up ? [] : [`interface ${id.ifname} is down`]),
        ...(link?.vlanId === undefined || options.vlanId === undefined || link.vlanId === options.vlanId
          ? []
          : [`interface ${id.ifname} has the VLAN ${link.vlanId}, not ${options.vlanId}`]),
        ...(link?.mode === undefined || options.mode === undefined || link.mode === options.mode
          ? []
          : [`interface ${id.ifname} is in mode ${link.mode}, not ${options.mode}`]),
        ...(link === undefined || options.mtu === undefined || link.mtuBytes === options.mtu
          ? []
          : [`interface ${id.ifname} has the MTU ${link.mtuBytes}, not ${options.mtu}`]),
      ]
    },
  }
}

/** A master inside a container cannot be looked at without the container. */
function masterObstacle(
  kind: LinkKind,
  { master, linkInContainer }: LinkPartOptions,
  facts: PartFacts,
): Obstacle | undefined {
  if (!hasMaster(kind) || linkInContainer) return undefined
  const name = master ?? defaultDevice(facts.hostRoutes)
  if (name === undefined)
    return { reason: 'no master given, and the host has no default route', cutsOff: false }
  const found = linkNamed(facts.host, name)
  if (found === undefined) return { reason: `master "${name}" is missing`, cutsOff: false }
  return found.up ? undefined : { reason: `master "${name}" is down`, cutsOff: true }
}

/** As `ip -details` calls it. */
const kernelKind = (kind: LinkKind): string => (kind === 'tap' ? 'tun' : kind)

function planAdd(kind: LinkKind, { id, options, facts }: Input): PartPlan {
  refuseTakenName(facts, id.ifname)
  const master = hasMaster(kind) ? masterOf(kind, options, facts) : undefined
  const mac = kind === 'ipvlan' || kind === 'vlan' ? (options.mac ?? master?.mac) : chooseMac(id, options)
  const mtu = options.mtu ?? master?.mtuBytes ?? 1500
  return {
    shared: [],
    steps: [
      {
        ...ip(hasMaster(kind) && !options.linkInContainer ? 'host' : 'sandbox', [
          addLine(kind, { id, options, facts }, master?.name),
        ]),
        ...(options.context === undefined ? {} : { context: options.context }),
      },
      // Taken back where it lives, whatever made it.
      ip('sandbox', settingLines(kind, id.ifname, options, mac), [`link delete dev ${id.ifname}`]),
      ...insideSettings(id.ifname, options, false),
      ...(kind === 'macvlan' || kind === 'ipvlan'
        ? [sysctl('sandbox', `net/ipv6/conf/${id.ifname}/ndisc_notify`, '1', { optional: true })]
        : []),
      ip('sandbox', insideLines(id.ifname, options)),
    ],
    interfaces: [{ name: id.ifname, mtu, inSandbox: true, ...(mac === undefined ? {} : { mac }) }],
  }
}

/** @throws TSNET_BAD_VALUE (invalid) where there is none, or the MTU does not fit it */
function masterOf(kind: LinkKind, options: LinkPartOptions, facts: PartFacts): LinkDetail {
  const { links, routes, where } = options.linkInContainer
    ? { links: facts.sandbox, routes: facts.sandboxRoutes, where: 'container' }
    : { links: facts.host, routes: facts.hostRoutes, where: 'host' }
  const name = options.master ?? defaultDevice(routes)
  const found = name === undefined ? undefined : linkNamed(links, name)
  if (found === undefined) {
    throw fail('TSNET_BAD_VALUE', {
      message:
        name === undefined
          ? `${kind}: no master given, and the ${where} has no default route`
          : `failed to lookup master "${name}": there is no such link`,
      field: 'master',
      value: name,
      hint: 'name an interface that exists',
    })
  }
  if (options.mtu !== undefined && options.mtu > found.mtuBytes) {
    throw fail('TSNET_BAD_VALUE', {
      message: `invalid MTU ${options.mtu}, must be [0, master MTU(${found.mtuBytes})]`,
      field: 'mtu',
      value: options.mtu,
      hint: 'lower it, or leave it out',
    })
  }
  return found
}

function addLine(kind: LinkKind, { id: { ifname }, options }: Input, master: string | undefined): string {
  if (kind === 'dummy') return `link add name ${ifname} type dummy`
  if (kind === 'tap') {
    const { multiQueue, owner, group } = options
    const words = [
      ...(owner === undefined ? [] : [`user ${owner}`]),
      ...(group === undefined ? [] : [`group ${group}`]),
      ...(multiQueue ? ['multi_queue'] : []),
    ]
    return ['tuntap add dev', ifname, 'mode tap', ...words].join(' ')
  }
  const own: Readonly<Record<string, string>> = {
    macvlan: `mode ${options.mode ?? 'bridge'}${options.bcQueueLength === undefined ? '' : ` bcqueuelen ${options.bcQueueLength}`}`,
    ipvlan: `mode ${options.mode ?? 'l2'}`,
    vlan: `id ${options.vlanId ?? 0}`,
  }
  const into = options.linkInContainer ? '' : ' netns $NETNS'
  return `link add link ${master} name ${ifname}${into} type ${kind} ${own[kind]}`
}

function settingLines(
  kind: LinkKind,
  ifname: string,
  { mtu, bridge }: LinkPartOptions,
  mac: string | undefined,
): readonly string[] {
  return [
    ...(mac === undefined || kind === 'ipvlan' || kind === 'vlan'
      ? []
      : [`link set dev ${ifname} address ${mac}`]),
    ...(mtu === undefined ? [] : [`link set dev ${ifname} mtu ${mtu}`]),
    ...(bridge === undefined ? [] : [`link set dev ${ifname} master ${bridge}`]),
  ]
}
