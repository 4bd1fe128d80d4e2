/**
 * Examinations of one attachment: its links, their sizes, its addresses and routes.
 *
 * @module
 */

import type { Attachment, ContainerNetwork } from '../../model/attachment.ts'
import type { ArgumentVector } from '../../model/commandline.ts'
import type { InterfaceView, NamespaceView } from '../views.ts'
import { type Ailment, mendBy } from './ailment.ts'
import { isBridged } from './presumed.ts'
import { nameOf, within } from './words.ts'

export interface Place {
  readonly record: ContainerNetwork
  readonly view: NamespaceView
  readonly host: NamespaceView
  readonly attachment: Attachment
  /** Of its port, where that has lost them. */
  readonly flags: ArgumentVector | undefined
}

export function attachmentAilments(place: Place): readonly Ailment[] {
  const { record, view, host, attachment } = place
  const subject = nameOf(record)
  const { ifname, hostIfname, bridge } = attachment
  const outer = host.interfaces.find(({ name }) => name === hostIfname)
  const inner = view.interfaces.find(({ name }) => name === ifname)
  // Interfaces that single CNI plugins made have no pair of ours.
  if (!isBridged(attachment) || hostIfname === '' || bridge === '') return []
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
  { record, view, attachment, flags }: Place,
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
      ...mendBy(['ip', 'link', 'set', outer.name, 'up']),
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
      ...mendBy(within(view, 'ip', 'link', 'set', inner.name, 'up'), ...defaultRoutes(view, attachment)),
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
      ...mendBy(
        ['ip', 'link', 'set', outer.name, 'master', attachment.bridge],
        ...(flags === undefined ? [] : [flags]),
      ),
      safe: true,
    })
  }
  return found
}

const defaultRoutes = (
  view: NamespaceView,
  { defaultRoute, gateways, ifname }: Attachment,
): readonly ArgumentVector[] =>
  gateways
    .filter((gateway) => defaultRoute.includes(gateway.includes(':') ? 6 : 4))
    .map((gateway) => within(view, 'ip', 'route', 'replace', 'default', 'via', gateway, 'dev', ifname))

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
      ...mendBy(['ip', 'link', 'set', outer.name, 'mtu', String(inner.mtuBytes)]),
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
    ...mendBy(within(view, 'ip', 'addr', 'add', cidr, 'dev', inner.name), ...defaultRoutes(view, attachment)),
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
      ...mendBy(within(view, 'ip', 'route', 'replace', 'default', 'via', gateway, 'dev', inner.name)),
      safe: other === undefined,
    })
  }
  return found
}
