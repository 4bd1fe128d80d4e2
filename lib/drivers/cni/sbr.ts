/**
 * The CNI plugin `sbr`: packets that leave with an address of this interface
 * leave by it, through a routing table of its own.
 *
 * @module
 */

import { type Address, addressOf, type Cidr, familyOf } from '../../model/address.ts'
import { hostMask } from './chains.ts'
import { ip } from './interface.ts'
import {
  linkNamed,
  type PartFacts,
  type PartInput,
  type PartPlan,
  type PartPlanner,
  type RouteDetail,
} from './part.ts'

export interface SbrPartOptions {
  /** Absent: the first free from 100 on. */
  readonly table?: number
  readonly addresses: readonly { readonly cidr: Cidr; readonly gateway?: Address }[]
  /** Instead of those of the addresses. */
  readonly gateways: readonly Address[]
  /** Keep the way to the subnet in the main table, with the address as source. */
  readonly sourceHints: boolean
}

type Input = PartInput<SbrPartOptions>

const firstTable = 100

export const sbrPart: PartPlanner<SbrPartOptions> = {
  alone: true,
  looks: () => [{ what: 'sandbox' }],
  add: planAdd,
  remove: ({ options, facts }) => {
    const own = options.addresses.map(({ cidr }) => addressOf(cidr))
    const rules = facts.sandboxRules.filter(
      ({ from, table }) => own.some((one) => one === from) && Number(table) >= firstTable,
    )
    return rules.length === 0
      ? []
      : [
          ip(
            'sandbox',
            [],
            rules.map(({ from, table }) => `rule delete from ${hostMask(from)} table ${table}`),
          ),
        ]
  },
  check: ({ options, facts }) =>
    options.addresses
      .filter(({ cidr }) => !facts.sandboxRules.some(({ from }) => from === addressOf(cidr)))
      .map(({ cidr }) => `the rule for ${addressOf(cidr)} is missing`),
}

function planAdd({ id: { ifname }, options, facts }: Input): PartPlan {
  const taken = takenTables(facts)
  let next = options.table ?? firstTable
  const lines: string[] = []
  const back: string[] = []
  const moved = new Set<RouteDetail>()
  for (const { cidr, gateway } of options.addresses) {
    while (options.table === undefined && taken.has(next)) next++
    const table = next
    if (options.table === undefined) taken.add(table)
    const family = familyOf(cidr)
    const rule = `from ${hostMask(addressOf(cidr))} table ${table}`
    lines.push(`rule add ${rule}`)
    back.push(`rule delete ${rule}`)
    const routes = ownRoutes(facts, ifname, addressOf(cidr))
    for (const route of routes.filter(({ via }) => via === undefined))
      lines.push(copyLine(route, ifname, table))
    const via = options.gateways.find((one) => familyOf(one) === family) ?? gateway
    if (via !== undefined)
      lines.push(
        `route append ${family === 6 ? '::/0' : '0.0.0.0/0'} via ${via} dev ${ifname} table ${table}`,
      )
    for (const route of routes.filter(({ via, to }) => via !== undefined && !to.endsWith('/0')))
      lines.push(copyLine(route, ifname, table))
    for (const route of routes) if (!(options.sourceHints && route.via === undefined)) moved.add(route)
  }
  for (const route of moved) lines.push(`route delete ${routeWords(route, ifname)}`)
  return { shared: [], steps: [ip('sandbox', lines, back)], interfaces: [] }
}

function ownRoutes(
  { sandboxRoutes, sandbox }: PartFacts,
  ifname: string,
  address: Address,
): readonly RouteDetail[] {
  if (linkNamed(sandbox, ifname) === undefined) return []
  return sandboxRoutes.filter(
    ({ dev, to, table, source }) =>
      dev === ifname &&
      (table === undefined || table === 'main') &&
      familyOf(to) === familyOf(address) &&
      !to.startsWith('fe80:') &&
      !to.startsWith('ff00:') &&
      (source === undefined || source === address),
  )
}

function routeWords({ to, via, source, metric }: RouteDetail, ifname: string): string {
  return [
    to,
    ...(via === undefined ? [] : ['via', via]),
    'dev',
    ifname,
    ...(source === undefined ? [] : ['src', source]),
    ...(metric === undefined || metric === 0 ? [] : ['metric', metric]),
  ].join(' ')
}

function copyLine(route: RouteDetail, ifname: string, table: number): string {
  const scope = route.via === undefined && familyOf(route.to) === 4 ? ' scope link' : ''
  return `route append ${routeWords(route, ifname)}${scope} table ${table}`
}

function takenTables({ sandboxRules, sandboxRoutes }: PartFacts): Set<number> {
  return new Set([
    ...sandboxRules.map(({ table }) => Number(table)),
    ...sandboxRoutes.map(({ table }) => Number(table ?? 0)),
  ])
}
