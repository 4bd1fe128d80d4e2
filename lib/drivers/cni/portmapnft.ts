/**
 * Published ports of the CNI plugin `portmap` in nftables, in the tables of the
 * reference plugin.
 *
 * Only what is for this host is led on (`fib daddr type local`). Rules go by
 * handle, which is not known yet: they are found again by their comment.
 *
 * @module
 */

import { addressOf, bracketed, type Cidr, familyOf, isUnspecified, subnetOf } from '../../model/address.ts'
import type { RulesStep } from '../../plan/step.ts'
import type { PartId } from './part.ts'
import { type PortEntry, type PortmapPartOptions, portsOf } from './portentry.ts'

export const nftTables = ['ip cni_hostport', 'ip6 cni_hostport'] as const

/** The heart of a rule, as `nft list` prints it too. */
export function nftMapping({ hostPort, containerPort, protocol }: PortEntry, cidr: Cidr): string {
  return `${protocol} dport ${hostPort} dnat to ${bracketed(addressOf(cidr))}:${containerPort}`
}

export function nftPorts(id: PartId, options: PortmapPartOptions, served: readonly Cidr[]): RulesStep {
  const comment = `comment "${id.container}"`
  const lines = served.flatMap((cidr) => {
    const family = familyOf(cidr)
    const word = family === 4 ? 'ip' : 'ip6'
    const table = `${word} cni_hostport`
    const conditions =
      options.conditions[family].length === 0 ? '' : `${options.conditions[family].join(' ')} `
    const ports = portsOf(options, family).map((port) => {
      const { hostAddress } = port
      const at =
        hostAddress === undefined || isUnspecified(hostAddress) ? undefined : `${word} daddr ${hostAddress} `
      const chain = at === undefined ? 'hostports' : 'hostip_hostports'
      return `add rule ${table} ${chain} ${conditions}${at ?? ''}${nftMapping(port, cidr)} ${comment}`
    })
    const sources = options.masqueradeAll
      ? ['']
      : [`${word} saddr ${subnetOf(cidr)} `, ...(family === 4 ? ['ip saddr 127.0.0.1 '] : [])]
    return [
      `add table ${table}`,
      `add chain ${table} hostports`,
      `add chain ${table} hostip_hostports`,
      `add chain ${table} hostports_all`,
      `add chain ${table} prerouting { type nat hook prerouting priority dstnat; }`,
      `add chain ${table} output { type nat hook output priority -100; }`,
      `add chain ${table} masquerading { type nat hook postrouting priority srcnat; }`,
      `flush chain ${table} hostports_all`,
      `flush chain ${table} prerouting`,
      `flush chain ${table} output`,
      `add rule ${table} hostports_all jump hostip_hostports`,
      `add rule ${table} hostports_all jump hostports`,
      `add rule ${table} prerouting fib daddr type local jump hostports_all`,
      `add rule ${table} output fib daddr type local jump hostports_all`,
      ...ports,
      ...(options.snat
        ? sources.map(
            (from) =>
              `add rule ${table} masquerading ${from}${word} daddr ${addressOf(cidr)} ct status dnat masquerade ${comment}`,
          )
        : []),
    ]
  })
  return { kind: 'rules', where: 'host', tool: 'nft', add: `${lines.join('\n')}\n`, remove: '' }
}
