/**
 * How much there is: containers, networks and their leases, ports, rules. For
 * metrics, so it may read every record, and lets others work in between.
 *
 * @module
 */

import { boundsOf, type Family, familyOf } from '../../model/address.ts'
import type { EngineContext } from '../context.ts'

export interface Census {
  readonly containers: number
  readonly attachments: number
  readonly ports: number
  readonly networks: readonly NetworkCensus[]
  /** Rules and map elements of containers and networks, by the tool that has them. */
  readonly rules: Readonly<Record<string, number>>
  /** Absent where no name server runs. */
  readonly names?: NamesCensus
}

export interface NetworkCensus {
  readonly name: string
  readonly family: Family
  readonly leased: number
  /** Still to be handed out; IPv6 networks have more than anybody counts. */
  readonly free?: number
}

export interface NamesCensus {
  readonly queries: number
  /** Answered without looking further than the prepared answers. */
  readonly fast: number
  /** Asked of other servers, and not answered yet. */
  readonly outstanding: number
  readonly cached: { readonly entries: number; readonly bytes: number }
}

export async function takeCensus(context: EngineContext): Promise<Census> {
  const ids = new Set<string>()
  const rules: Record<string, number> = {}
  let [attachments, ports] = [0, 0]
  const count = (
    steps: readonly { readonly kind: string; readonly tool?: string; readonly add?: unknown }[],
  ) => {
    for (const { kind, tool, add } of steps) {
      if (kind !== 'rules' || tool === undefined || typeof add !== 'string') continue
      rules[tool] = (rules[tool] ?? 0) + (add.match(/^(-[AI] |add (rule|element) )/gm)?.length ?? 0)
    }
  }
  for (const key of context.containers.keys()) {
    const record = context.containers.get(key)
    if (record?.result === undefined) continue
    ids.add(record.container)
    attachments += record.result.attachments.length
    ports += record.result.attachments.reduce((sum, one) => sum + portsOf(one.ports), 0)
    count(record.steps.map(({ step }) => step))
    await new Promise((resolve) => setImmediate(resolve))
  }
  for (const unit of context.units.keys()) count(context.units.get(unit)?.steps ?? [])
  const names = await namesOf(context)
  return {
    containers: ids.size,
    attachments,
    ports,
    networks: networksOf(context),
    rules,
    ...(names === undefined ? {} : { names }),
  }
}

function portsOf(bindings: readonly { readonly count: number }[]): number {
  return bindings.reduce((sum, { count }) => sum + count, 0)
}

function networksOf(context: EngineContext): readonly NetworkCensus[] {
  return context.networks.list().flatMap(({ name, subnets }) => {
    const leases = context.reservations.leases.list(name)
    return subnets.map(({ subnet, range, reserved }): NetworkCensus => {
      const family = familyOf(subnet)
      const leased = leases.filter((address) => address.includes(':') === (family === 6)).length
      if (family === 6) return { name, family, leased }
      const { first, last } = boundsOf(range ?? subnet)
      // Without the network's own address, broadcast and gateway.
      const room =
        Number(last - first) + 1 - (range === undefined ? 3 : 0) - Object.keys(reserved ?? {}).length
      return { name, family, leased, free: Math.max(room - leased, 0) }
    })
  })
}

async function namesOf(context: EngineContext): Promise<NamesCensus | undefined> {
  const response = await context.names?.ask({ op: 'status' })
  if (response?.ok !== true || response.status === undefined) return undefined
  const { queries, fast, outstanding, cached } = response.status
  return { queries, fast, outstanding, cached }
}
