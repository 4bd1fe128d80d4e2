/**
 * The CNI plugin `dns`: names on a network that other plugins make. What the
 * name server is told goes into the record, and the names go with it; in the
 * kernel nothing is changed but what questions need to arrive (questions.ts).
 *
 * @module
 */

import { addressOf, familyOf } from '../../model/address.ts'
import type { AttachmentNames } from '../../model/attachment.ts'
import { DNS_PORT } from '../../model/network.ts'
import type { PartInput, PartPlanner } from './part.ts'
import { leadTable, missingQuestions, type Questions, questionSteps } from './questions.ts'

export type DnsPartOptions = Omit<AttachmentNames, 'network'>

export const dnsPart: PartPlanner<DnsPartOptions> = {
  alone: true,
  looks: ({ listen, port }, doing, id) => {
    if (doing === 'remove') return []
    const inputDrops = { what: 'inputDrops', families: [...new Set(listen.map(familyOf))] } as const
    if (doing === 'add') return [inputDrops]
    if (port === undefined) return [inputDrops, { what: 'names' }]
    return [
      inputDrops,
      { what: 'names' },
      { what: 'iptables', tables: ['nat'] },
      ...(id === undefined ? [] : ([{ what: 'nft', table: leadTable(id) }] as const)),
    ]
  },
  add: (input) => ({
    shared: [],
    steps: questionSteps(questionsOf(input), input.facts),
    interfaces: [],
    names: { network: input.id.network, ...input.options },
  }),
  // No other plugin set tells our name server anything.
  remove: () => [],
  check: (input) => {
    const { id, options, facts } = input
    if (facts.names === undefined) return ['the name server does not run']
    const own = facts.names.filter(
      ({ network, addresses }) =>
        network === id.network && options.cidrs.every((cidr) => addresses.includes(addressOf(cidr))),
    )
    const known = own.flatMap(({ names }) => names)
    const unknown = [...options.names, ...options.aliases].filter((name) => !known.includes(name))
    return [
      ...unknown.map((name) => `name ${name} is missing`),
      ...missingQuestions(questionsOf(input), facts),
    ]
  },
}

function questionsOf({ id, options }: PartInput<DnsPartOptions>): Questions {
  const { listen, port = DNS_PORT, cidrs } = options
  return { id, listen, port, cidrs }
}
