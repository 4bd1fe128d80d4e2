/**
 * The CNI plugin `dns`: names on a network that other plugins make. Nothing is
 * changed in the kernel; what the name server is told goes into the record, and
 * the names go with it.
 *
 * @module
 */

import { addressOf } from '../../model/address.ts'
import type { AttachmentNames } from '../../model/attachment.ts'
import type { PartPlanner } from './part.ts'

export type DnsPartOptions = Omit<AttachmentNames, 'network'>

export const dnsPart: PartPlanner<DnsPartOptions> = {
  alone: true,
  looks: (_, doing) => (doing === 'check' ? [{ what: 'names' }] : []),
  add: ({ id, options }) => ({
    shared: [],
    steps: [],
    interfaces: [],
    names: { network: id.network, ...options },
  }),
  // No other plugin set tells our name server anything.
  remove: () => [],
  check: ({ id, options, facts }) => {
    if (facts.names === undefined) return ['the name server does not run']
    const own = facts.names.filter(
      ({ network, addresses }) =>
        network === id.network && options.cidrs.every((cidr) => addresses.includes(addressOf(cidr))),
    )
    const known = own.flatMap(({ names }) => names)
    return [...options.names, ...options.aliases]
      .filter((name) => !known.includes(name))
      .map((name) => `name ${name} is missing`)
  },
}
