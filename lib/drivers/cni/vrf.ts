/**
 * The CNI plugin `vrf`: the interface becomes a port of a VRF device in the
 * sandbox, which goes with its last port.
 *
 * @module
 */

import { fail } from '../../errors/codes.ts'
import { familyOf } from '../../model/address.ts'
import { ip } from './interface.ts'
import {
  type LinkDetail,
  linkNamed,
  type PartFacts,
  type PartInput,
  type PartPlan,
  type PartPlanner,
} from './part.ts'

export interface VrfPartOptions {
  readonly vrf: string
  /** Absent: the device's, else the first free. */
  readonly table?: number
}

type Input = PartInput<VrfPartOptions>

export const vrfPart: PartPlanner<VrfPartOptions> = {
  alone: true,
  looks: () => [{ what: 'sandbox' }],
  add: planAdd,
  remove: ({ id, options, facts }) => {
    if (linkNamed(facts.sandbox, id.ifname)?.master !== options.vrf) return []
    const others =
      facts.sandbox?.some(({ name, master }) => master === options.vrf && name !== id.ifname) === true
    return [
      ip(
        'sandbox',
        [],
        [`link set dev ${id.ifname} nomaster`, ...(others ? [] : [`link delete dev ${options.vrf}`])],
      ),
    ]
  },
  check: ({ id, options, facts }) =>
    linkNamed(facts.sandbox, id.ifname)?.master === options.vrf
      ? []
      : [`interface ${id.ifname} is no port of ${options.vrf}`],
}

function planAdd({ id: { ifname }, options, facts }: Input): PartPlan {
  const { vrf } = options
  const found = linkNamed(facts.sandbox, vrf)
  const table = tableFor(options, found, facts)
  const link = linkNamed(facts.sandbox, ifname)
  return {
    shared: [],
    steps: [
      ip(
        'sandbox',
        [
          ...(found === undefined
            ? [`link add name ${vrf} type vrf table ${table}`, `link set dev ${vrf} up`]
            : []),
          `link set dev ${ifname} master ${vrf}`,
          // The kernel forgets IPv6 addresses of a link that changes its master.
          ...(link?.addresses ?? [])
            .filter((cidr) => familyOf(cidr) === 6 && !cidr.startsWith('fe80:'))
            .map((cidr) => `address replace ${cidr} dev ${ifname} nodad`),
          ...facts.sandboxRoutes
            .filter(
              ({ dev, via, table: own }) =>
                dev === ifname && via !== undefined && (own === undefined || own === 'main'),
            )
            .map(({ to, via }) => `route append ${to} via ${via} dev ${ifname} table ${table}`),
        ],
        [`link set dev ${ifname} nomaster`, ...(found === undefined ? [`link delete dev ${vrf}`] : [])],
      ),
    ],
    interfaces: [],
  }
}

/** @throws TSNET_BAD_VALUE (invalid) for a VRF that is there with another table */
function tableFor({ vrf, table }: VrfPartOptions, found: LinkDetail | undefined, facts: PartFacts): number {
  if (found !== undefined && (found.kind !== 'vrf' || (table !== undefined && found.table !== table))) {
    throw fail('TSNET_BAD_VALUE', {
      message: `VRF ${vrf}: ${found.kind === 'vrf' ? `it is there with table ${found.table}` : 'a link of that name is no VRF'}`,
      field: 'table',
      value: table,
      hint: 'leave table out, or choose another vrfname',
    })
  }
  const taken = new Set(facts.sandbox?.map((link) => link.table))
  let free = 1
  while (taken.has(free)) free++
  return table ?? found?.table ?? free
}
