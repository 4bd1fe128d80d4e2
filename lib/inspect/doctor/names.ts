/**
 * Examination of the way names are found: whom the host asks, and whether they answer.
 *
 * @module
 */

import type { Ailment } from './ailment.ts'
import type { Patient } from './patient.ts'

export function nameAilments({ networks, resolvers, inventory }: Patient): readonly Ailment[] {
  const gateways = networks.flatMap(({ config }) =>
    config.subnets.map(({ gateway, subnet }) => ({ gateway, subnet, name: config.name })),
  )
  const asks = inventory.records.some(({ resolver }) =>
    resolver.servers.some((server) => gateways.some(({ gateway }) => gateway === server)),
  )
  if (!asks) return []
  const loop = resolvers.filter(({ server }) => gateways.some(({ gateway }) => gateway === server))
  if (loop.length > 0) {
    const [first] = loop
    return [
      {
        code: 'dns-loop',
        severity: 'error',
        subject: 'host',
        what: "the host asks the name server of tsnet for names, and that asks the host's: outside names are found by nobody",
        evidence: [
          `/etc/resolv.conf: nameserver ${first?.server}, which is the gateway of network ${gateways.find(({ gateway }) => gateway === first?.server)?.name}`,
        ],
        fix: 'put the real name server into /etc/resolv.conf; or: tsnet network update NETWORK --dns ADDRESS',
        safe: false,
      },
    ]
  }
  if (resolvers.length === 0 || resolvers.some(({ answers }) => answers)) return []
  return [
    {
      code: 'dns-upstream-dead',
      severity: 'error',
      subject: 'host',
      what: 'no name server of this host answers: containers find each other, and no name outside',
      evidence: resolvers.map(({ server }) => `${server} port 53 did not answer`),
      fix: 'put a name server that answers into /etc/resolv.conf; or: tsnet network update NETWORK --dns ADDRESS',
      safe: false,
    },
  ]
}
