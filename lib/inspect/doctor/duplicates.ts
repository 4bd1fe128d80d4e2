/**
 * Examinations of all ends in bridges together: two with one address, two with one MAC address.
 *
 * @module
 */

import { type Address, addressOf } from '../../model/address.ts'
import type { NamespaceView } from '../views.ts'
import { type Ailment, mendBy } from './ailment.ts'
import type { Patient } from './patient.ts'
import { within } from './words.ts'

export function duplicates({ inventory }: Patient, host: NamespaceView): readonly Ailment[] {
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
      ...(stranger === undefined
        ? { fix: `find out whose it is: tsnet ipam who ${address}` }
        : mendBy(
            within(
              stranger.view,
              ...['ip', 'addr', 'del'],
              stranger.link.addresses.find((cidr) => addressOf(cidr) === address) ?? address,
              ...['dev', stranger.link.name],
            ),
          )),
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
