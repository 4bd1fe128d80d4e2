/**
 * Examinations of containers: each attachment, answers by another way, listeners, the way out.
 *
 * @module
 */

import { isLoopback } from '../../model/address.ts'
import type { ContainerNetwork } from '../../model/attachment.ts'
import { hostOf } from '../find.ts'
import type { NamespaceView } from '../views.ts'
import { type Ailment, mendBy } from './ailment.ts'
import { attachmentAilments } from './attachments.ts'
import { duplicates } from './duplicates.ts'
import type { Patient } from './patient.ts'
import { lostFlags } from './portflags.ts'
import { isBridged } from './presumed.ts'
import { nameOf, within } from './words.ts'

export function containerAilments(patient: Patient): readonly Ailment[] {
  const host = hostOf(patient.inventory)
  if (host === undefined) return []
  const each = patient.inventory.records.flatMap((record) => {
    const view = patient.inventory.namespaces.find(({ cookie }) => cookie === record.sandbox.identity.cookie)
    if (view === undefined || record.mode !== 'bridge') return []
    return [
      ...record.attachments.flatMap((attachment) =>
        attachmentAilments({
          ...{ record, view, host, attachment },
          flags: lostFlags(patient, attachment.hostIfname),
        }),
      ),
      ...reversePath(patient, record, view),
      ...listeners(patient, record, view),
    ]
  })
  return [...each, ...duplicates(patient, host), ...path(patient)]
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
      ...mendBy(within(view, 'sysctl', '-w', ...names.map((name) => `net.ipv4.conf.${name}.rp_filter=2`))),
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

/** Large packets rely on ICMP, which many filter, where the way out is narrower than the container's link. */
function path({ inventory, wayOut }: Patient): readonly Ailment[] {
  const out = wayOut[4] ?? wayOut[6]
  if (out === undefined) return []
  return inventory.records.flatMap((record): readonly Ailment[] => {
    const wide = record.attachments.filter(
      (one) => isBridged(one) && one.defaultRoute.length > 0 && one.mtuBytes > out.mtuBytes,
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
        evidence: [
          `the way out by ${out.dev} takes ${out.mtuBytes} bytes, ${first.ifname} of ${subject} ${first.mtuBytes}`,
        ],
        fix: `set it up again: new endpoints follow the way out, or give --mtu ${out.mtuBytes}`,
        safe: false,
      },
    ]
  })
}
