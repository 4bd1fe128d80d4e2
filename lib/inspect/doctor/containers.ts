/**
 * Examinations of containers: links, addresses, routes, sizes, listeners.
 *
 * @module
 */

import { type Address, addressOf, isLoopback } from '../../model/address.ts'
import type { Attachment, ContainerNetwork } from '../../model/attachment.ts'
import type { InterfaceView, NamespaceView } from '../inventory.ts'
import type { Ailment } from './ailment.ts'
import type { Patient } from './patient.ts'

export function containerAilments(patient: Patient): readonly Ailment[] {
  const host = patient.inventory.namespaces.find(({ own }) => own)
  if (host === undefined) return []
  const each = patient.inventory.records.flatMap((record) => {
    const view = patient.inventory.namespaces.find(({ cookie }) => cookie === record.sandbox.identity.cookie)
    if (view === undefined || record.mode !== 'bridge') return []
    return [
      ...record.attachments.flatMap((attachment) => attachmentAilments({ record, view, host, attachment })),
      ...reversePath(patient, record, view),
      ...listeners(patient, record, view),
    ]
  })
  return [...each, ...duplicates(patient, host), ...path(patient, host)]
}

interface Place {
  readonly record: ContainerNetwork
  readonly view: NamespaceView
  readonly host: NamespaceView
  readonly attachment: Attachment
}

const nameOf = ({ container }: ContainerNetwork): string => container.name ?? container.id.slice(0, 12)
const enter = ({ path }: NamespaceView): string => `nsenter --net=${path} --`

function attachmentAilments(place: Place): readonly Ailment[] {
  const { record, view, host, attachment } = place
  const subject = nameOf(record)
  const { ifname, hostIfname, bridge } = attachment
  const outer = host.interfaces.find(({ name }) => name === hostIfname)
  const inner = view.interfaces.find(({ name }) => name === ifname)
  // Interfaces that single CNI plugins made have no pair of ours.
  if (hostIfname === '' || bridge === '') return []
  if (outer === undefined || inner === undefined) {
    return [
      {
        code: 'link-gone',
        severity: 'error',
        subject,
        what: `${subject} has lost its interface ${ifname} on network ${attachment.network}`,
        evidence: [
          outer === undefined
            ? `there is no link ${hostIfname} on the host`
            : `there is no link ${ifname} inside`,
        ],
        fix: `tsnet teardown ${subject}, then set it up again`,
        safe: false,
      },
    ]
  }
  return [...linkState(place, outer, inner), ...sizes(place, outer, inner), ...contents(place, inner)]
}

function linkState(
  { record, view, attachment }: Place,
  outer: InterfaceView,
  inner: InterfaceView,
): readonly Ailment[] {
  const subject = nameOf(record)
  const found: Ailment[] = []
  if (!outer.up) {
    found.push({
      code: 'link-down',
      severity: 'error',
      subject,
      what: `the host end of ${subject}'s ${inner.name} is down: it reaches nobody on ${attachment.network}`,
      evidence: [`${outer.name} is DOWN`],
      fix: `ip link set ${outer.name} up`,
      safe: true,
    })
  }
  if (!inner.up) {
    found.push({
      code: 'link-down',
      severity: 'error',
      subject,
      what: `${inner.name} inside ${subject} is down: it reaches nobody on ${attachment.network}`,
      evidence: [`${inner.name} is DOWN`],
      fix: [`${enter(view)} ip link set ${inner.name} up`, ...defaultRoutes(view, attachment)].join('; '),
      safe: true,
    })
  }
  if (outer.bridge !== attachment.bridge) {
    found.push({
      code: 'not-in-bridge',
      severity: 'error',
      subject,
      what: `the host end of ${subject}'s ${inner.name} is in no bridge of network ${attachment.network}`,
      evidence: [
        `${outer.name} is ${outer.bridge === undefined ? 'in no bridge' : `in ${outer.bridge}`}, and not in ${attachment.bridge}`,
      ],
      fix: `ip link set ${outer.name} master ${attachment.bridge}; bridge link set dev ${outer.name} hairpin on`,
      safe: true,
    })
  }
  return found
}

const defaultRoutes = (
  view: NamespaceView,
  { defaultRoute, gateways, ifname }: Attachment,
): readonly string[] =>
  gateways
    .filter((gateway) => defaultRoute.includes(gateway.includes(':') ? 6 : 4))
    .map((gateway) => `${enter(view)} ip route replace default via ${gateway} dev ${ifname}`)

/** The smaller end drops what the larger one sends, and tells nobody. */
function sizes(
  { record, attachment }: Place,
  outer: InterfaceView,
  inner: InterfaceView,
): readonly Ailment[] {
  if (outer.mtuBytes >= inner.mtuBytes) return []
  const subject = nameOf(record)
  return [
    {
      code: 'mtu-hole',
      severity: 'error',
      subject,
      what: `packets of more than ${outer.mtuBytes} bytes to or from ${subject} vanish on ${attachment.network}: the ends of its link differ`,
      evidence: [
        `${inner.name} inside has MTU ${inner.mtuBytes}, ${outer.name} on the host ${outer.mtuBytes}`,
      ],
      fix: `ip link set ${outer.name} mtu ${inner.mtuBytes}`,
      safe: true,
    },
  ]
}

function contents({ record, view, attachment }: Place, inner: InterfaceView): readonly Ailment[] {
  const subject = nameOf(record)
  const missing = attachment.addresses.filter((cidr) => !inner.addresses.includes(cidr))
  const found: Ailment[] = missing.map((cidr) => ({
    code: 'address-missing',
    severity: 'error',
    subject,
    what: `${subject} has lost its address ${cidr} on network ${attachment.network}`,
    evidence: [
      `${inner.name} has ${inner.addresses.filter((one) => !one.startsWith('fe80')).join(', ') || 'no address'}`,
    ],
    fix: [`${enter(view)} ip addr add ${cidr} dev ${inner.name}`, ...defaultRoutes(view, attachment)].join(
      '; ',
    ),
    safe: true,
  }))
  if (!inner.up) return found
  for (const gateway of attachment.gateways) {
    const six = gateway.includes(':')
    if (!attachment.defaultRoute.includes(six ? 6 : 4)) continue
    const to = six ? '::/0' : '0.0.0.0/0'
    const route = view.routes.find((one) => one.to === to && one.via === gateway && one.dev === inner.name)
    if (route !== undefined) continue
    const other = view.routes.find((one) => one.to === to)
    found.push({
      code: 'route-missing',
      severity: 'error',
      subject,
      what: `${subject} has lost its default route${six ? ' (IPv6)' : ''}: it reaches its own networks only`,
      evidence: [
        other === undefined
          ? `no route to ${to}`
          : `the default route leads via ${other.via} dev ${other.dev}`,
      ],
      fix: `${enter(view)} ip route replace default via ${gateway} dev ${inner.name}`,
      safe: other === undefined,
    })
  }
  return found
}

/** A question by one network is answered by the other: strict filtering drops it. */
function reversePath({ inside }: Patient, record: ContainerNetwork, view: NamespaceView): readonly Ailment[] {
  const seen = inside.get(view.id)
  const four = record.attachments.filter(({ addresses }) => addresses.some((cidr) => !cidr.includes(':')))
  if (seen === undefined || four.length < 2) return []
  const value = (name: string): number => Number(seen.sysctls.get(`net/ipv4/conf/${name}/rp_filter`) ?? 0)
  // The kernel takes the larger of the two.
  const strict = four.filter(({ ifname }) => Math.max(value('all'), value(ifname)) === 1)
  if (strict.length === 0) return []
  const subject = nameOf(record)
  const names = strict.map(({ ifname }) => ifname)
  return [
    {
      code: 'rp-filter',
      severity: 'error',
      subject,
      what: `${subject} is on several networks and filters reverse paths strictly: what is answered by another network is dropped`,
      evidence: names.map(
        (name) => `net.ipv4.conf.${name}.rp_filter = ${value(name)}, all = ${value('all')}`,
      ),
      fix: `${enter(view)} sysctl -w ${names.map((name) => `net.ipv4.conf.${name}.rp_filter=2`).join(' ')}`,
      safe: true,
    },
  ]
}

/** A published port whose service can only be reached from inside. */
function listeners({ inside }: Patient, record: ContainerNetwork, view: NamespaceView): readonly Ailment[] {
  const seen = inside.get(view.id)
  if (seen === undefined) return []
  const subject = nameOf(record)
  return record.attachments.flatMap(({ ports }) =>
    ports.flatMap(({ containerPort, hostPort, count, protocol }): readonly Ailment[] => {
      if (count !== 1 || protocol === 'sctp') return []
      const sockets = seen[protocol].filter(({ port }) => port === containerPort)
      if (sockets.length === 0 || !sockets.every(({ address }) => isLoopback(address))) return []
      return [
        {
          code: 'listener-loopback',
          severity: 'error',
          subject,
          what: `port ${hostPort} is published, and the service behind it listens on ${sockets[0]?.address} of ${subject} only`,
          evidence: sockets.map(({ address, port }) => `${protocol} ${address}:${port} inside ${subject}`),
          fix: `have the service in ${subject} listen on 0.0.0.0:${containerPort}`,
          safe: false,
        },
      ]
    }),
  )
}

function duplicates({ inventory }: Patient, host: NamespaceView): readonly Ailment[] {
  // Bridges of namespaces inside others may have the names of ours.
  const ends = inventory.namespaces.flatMap((view) =>
    view.interfaces
      .filter(({ bridge, peer }) => bridge !== undefined && !view.own && peer?.namespace === host.id)
      .map((link) => ({ view, link })),
  )
  type End = (typeof ends)[number]
  const groups = (
    keysOf: (end: End) => readonly string[],
  ): readonly (readonly [string, readonly End[]])[] => {
    const byKey = new Map<string, End[]>()
    for (const end of ends) for (const key of keysOf(end)) byKey.set(key, [...(byKey.get(key) ?? []), end])
    return [...byKey].filter(([, same]) => same.length > 1)
  }
  const who = (same: readonly End[]): string =>
    same.map(({ view, link }) => `${view.name} (${link.name})`).join(' and ')
  const addresses = groups(({ link }) =>
    link.addresses
      .filter((cidr) => !cidr.startsWith('fe80'))
      .map((cidr) => `${link.bridge} ${addressOf(cidr)}`),
  ).map(([key, same]): Ailment => {
    const [bridge, address] = key.split(' ') as [string, Address]
    const recorded = inventory.records.find(({ attachments }) =>
      attachments.some(({ addresses: own }) => own.some((cidr) => addressOf(cidr) === address)),
    )
    const stranger = same.find(({ view }) => view.record !== recorded?.container.id) ?? same[0]
    return {
      code: 'duplicate-address',
      severity: 'error',
      subject: stranger?.view.name ?? bridge,
      what: `${who(same)} have the same address ${address}: packets go now to one, now to the other`,
      evidence: same.map(({ view, link }) => `${view.name}: ${link.name} ${link.mac}`),
      fix:
        stranger === undefined
          ? 'tsnet ipam who'
          : `${enter(stranger.view)} ip addr del ${stranger.link.addresses.find((cidr) => addressOf(cidr) === address)} dev ${stranger.link.name}`,
      safe: false,
    }
  })
  const macs = groups(({ link }) => (link.mac === undefined ? [] : [`${link.bridge} ${link.mac}`])).map(
    ([key, same]): Ailment => ({
      code: 'duplicate-mac',
      severity: 'error',
      subject: same[0]?.view.name ?? key,
      what: `${who(same)} have the same MAC address: the bridge ${key.split(' ')[0]} sends to whoever spoke last`,
      evidence: same.map(({ view, link }) => `${view.name}: ${link.name} ${link.mac}`),
      fix: 'give one of them another: set it up again with --mac',
      safe: false,
    }),
  )
  return [...addresses, ...macs]
}

/** Large packets rely on ICMP, which many filter, where the way out is narrower than the container's link. */
function path({ inventory }: Patient, host: NamespaceView): readonly Ailment[] {
  const way =
    host.routes.find(({ to, via }) => to === '0.0.0.0/0' && via !== undefined) ??
    host.routes.find(({ to }) => to === '::/0')
  const out = host.interfaces.find(({ name }) => name === way?.dev)
  if (out === undefined) return []
  return inventory.records.flatMap((record): readonly Ailment[] => {
    const wide = record.attachments.filter(
      ({ defaultRoute, mtuBytes }) => defaultRoute.length > 0 && mtuBytes > out.mtuBytes,
    )
    const subject = nameOf(record)
    const [first] = wide
    if (first === undefined) return []
    return [
      {
        code: 'mtu-path',
        severity: 'warning',
        subject,
        what: `${subject} sends packets of ${first.mtuBytes} bytes, and the way out takes ${out.mtuBytes}: UDP may vanish where ICMP is filtered (TCP is told)`,
        evidence: [`${out.name} has MTU ${out.mtuBytes}, ${first.ifname} of ${subject} ${first.mtuBytes}`],
        fix: `set it up again: new endpoints follow the way out, or give --mtu ${out.mtuBytes}`,
        safe: false,
      },
    ]
  })
}
