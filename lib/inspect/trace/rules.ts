/**
 * What packet rules do to the packet: translated, let through or stopped, and by whom.
 *
 * @module
 */

import { type Address, parseAddress } from '../../model/address.ts'
import { ownerOfTable, type Packet, type RuleTable } from '../walk/model.ts'
import { type Decision, type Translation, walkHook } from '../walk/walk.ts'
import { acceptOf, placeOf } from '../walk/words.ts'
import type { TraceStage } from './report.ts'
import { halt, type Stopped, tell, type Walker } from './walker.ts'

export function translate(walker: Walker, translation: Translation | undefined): void {
  if (translation === undefined || translation.kind !== 'dnat') return
  const [address, port] = splitEnd(translation.to, walker.packet)
  const { daddr, dport } = walker.packet
  tell(
    walker,
    'nat',
    `${daddr}:${dport} becomes ${address}:${port} (${translation.comment ?? `by ${ownerOfTable(translation.table, translation.chain)}`})`,
  )
  walker.packet = {
    ...walker.packet,
    daddr: address,
    dport: port,
    ctstatus: [...walker.packet.ctstatus, 'dnat'],
  }
}

/** `10.90.0.2:80`, `10.90.0.2.80` of a map, `this host:80`, an address alone. */
function splitEnd(to: string, { daddr, dport = 0 }: Packet): readonly [string, number] {
  if (parseAddress(to) !== undefined) return [to, dport]
  const [, address = '', port = ''] = /^(.*):([\d-]+)$/.exec(to) ?? [to, to]
  const head = address.replace(/^\[|\]$/g, '')
  return [head === '' || head === 'this host' ? daddr : head, port === '' ? dport : Number.parseInt(port, 10)]
}

export function masquerade(walker: Walker, translation: Translation, own: Address | undefined): void {
  if (translation.kind === 'dnat') return
  const to =
    translation.kind === 'snat' ? splitEnd(translation.to, walker.packet)[0] : (own ?? walker.packet.saddr)
  tell(walker, 'nat', `${walker.packet.saddr} goes on as ${to}`)
  walker.packet = { ...walker.packet, saddr: to, ctstatus: [...walker.packet.ctstatus, 'snat'] }
}

export function filter(
  walker: Walker,
  rules: readonly RuleTable[],
  hook: 'input' | 'output' | 'forward',
  packet: Packet,
): void {
  const { decision } = walkHook(rules, hook, packet)
  const stage = walker.view.own ? 'filter' : 'filter-inside'
  if (decision === undefined) return
  if (decision.verdict !== 'accept') throw refused(walker, decision, packet, stage)
  const by = decision.rule === undefined ? 'no rule is against it' : placeOf(decision)
  tell(walker, stage, `${hook}: ${by}${decision.unsure ? ' (a condition on the way is not understood)' : ''}`)
}

/** The answer has to come back through the same chains. */
export function answers(
  walker: Walker,
  rules: readonly RuleTable[],
  { iif, oif, saddr, daddr, sport, dport, ...rest }: Packet,
): void {
  const answer: Packet = {
    ...rest,
    saddr: daddr,
    daddr: saddr,
    ctstate: 'established',
    ...(oif === undefined ? {} : { iif: oif }),
    ...(iif === undefined ? {} : { oif: iif }),
    ...(dport === undefined ? {} : { sport: dport }),
    ...(sport === undefined ? {} : { dport: sport }),
  }
  const { decision } = walkHook(rules, 'forward', answer)
  if (decision !== undefined && decision.verdict !== 'accept')
    throw refused(walker, decision, answer, 'return')
}

function refused(walker: Walker, decision: Decision, packet: Packet, stage: TraceStage): Stopped {
  const owner = ownerOfTable(decision.table, decision.chain)
  const { bridges } = walker.sight.inventory
  const networkOf = (dev: string | undefined): string | undefined =>
    bridges.find(({ name }) => name === dev)?.network
  const [source, target] = [networkOf(packet.iif), networkOf(packet.oif)]
  const word = decision.verdict === 'drop' ? 'dropped' : 'rejected'
  if (owner !== 'tsnet') {
    return halt(
      walker,
      stage,
      'dropped',
      `${word} by a chain of ${owner}: ${placeOf(decision)}`,
      `${walker.view.own ? '' : `nsenter --net=${walker.view.path} -- `}${acceptOf(decision, packet)}`,
    )
  }
  for (const network of [source, target]) {
    if (network !== undefined && walker.sight.internal.has(network))
      return halt(
        walker,
        stage,
        'internal',
        `network ${network} is internal: nothing goes in or out of it`,
        'a network made without --internal',
      )
  }
  const fix =
    source === undefined || target === undefined
      ? 'publish a port: tsnet publish add CONTAINER PORT'
      : `tsnet network connect ${target} CONTAINER; or tsnet network update NETWORK --isolate false for both`
  return halt(
    walker,
    stage,
    'isolated',
    `network ${target ?? packet.oif} lets in published ports only, and answers: ${placeOf(decision)}`,
    fix,
  )
}
