/**
 * Examination of the way names are found: whom the host asks, and whether they answer.
 *
 * @module
 */

import type { NetworkConfig } from '../../model/network.ts'
import type { Ailment } from './ailment.ts'
import type { Patient } from './patient.ts'
import { isBridged } from './presumed.ts'

export function nameAilments(patient: Patient): readonly Ailment[] {
  const { networks, resolvers } = patient
  const dependent = dependents(patient)
  if (dependent.length === 0 || resolvers.length === 0) return []
  const own = networks.flatMap(({ config }) =>
    config.subnets.map(({ gateway }) => ({ gateway, network: config.name })),
  )
  // The name server of tsnet leaves itself out, and asks the others.
  const others = resolvers.filter(({ server }) => !own.some(({ gateway }) => gateway === server))
  if (others.some(({ answers }) => answers)) return []
  const finding = { severity: 'error', subject: 'host', safe: false } as const
  if (others.length === 0) {
    const [first] = resolvers
    const network = own.find(({ gateway }) => gateway === first?.server)?.network
    return [
      {
        ...{ ...finding, code: 'dns-loop' },
        what: "the host asks the name server of tsnet for names, and that asks the host's: outside names are found by nobody",
        evidence: [
          `/etc/resolv.conf: nameserver ${first?.server}, which is the gateway of network ${network}`,
        ],
        fix: `put the real name server into /etc/resolv.conf; or ${askElsewhere(dependent)}`,
      },
    ]
  }
  return [
    {
      ...{ ...finding, code: 'dns-upstream-dead' },
      what: 'no name server of this host answers: containers find each other, and no name outside',
      evidence: others.map(({ server }) => `${server} port 53 did not answer`),
      fix: `put a name server that answers into /etc/resolv.conf; or ${askElsewhere(dependent)}`,
    },
  ]
}

/** Networks of containers whose questions for outside names end at the host's servers: nobody else was named for them. */
function dependents({ networks, inventory }: Patient): readonly string[] {
  const configs = new Map(networks.map(({ config }) => [config.name, config]))
  const gateways = [...configs.values()].flatMap(({ subnets }) => subnets.map(({ gateway }) => gateway))
  const asking = inventory.records.filter(
    ({ resolver: { servers, forwarders } }) =>
      forwarders === undefined && servers.some((server) => gateways.includes(server)),
  )
  const names = asking.flatMap(({ attachments }) => {
    const joined = attachments.flatMap(({ network }) => configs.get(network) ?? []).filter(hasNames)
    if (joined.some(({ options }) => (options.forwarders ?? []).length > 0)) return []
    return joined.filter(({ internal }) => !internal).map(({ name }) => name)
  })
  return [...new Set(names)]
}

/** Others are not looked at for forwarders. */
const hasNames = (config: NetworkConfig): boolean => isBridged(config) && config.options.dns !== false

function askElsewhere([first, ...more]: readonly string[]): string {
  return more.length === 0
    ? `tsnet network update ${first} --dns ADDRESS`
    : `for each of ${[first, ...more].join(', ')}: tsnet network update NETWORK --dns ADDRESS`
}
