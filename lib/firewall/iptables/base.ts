/**
 * The chains everything else hangs on, in both families: README.md has the
 * drawing.
 *
 * Every jump is put on top of its built-in chain, once. Where another tool
 * later puts its own above, its verdicts come first; we do not fight for the
 * place.
 *
 * @module
 */

import type { Family } from '../../model/address.ts'
import type { RulesStep } from '../../plan/step.ts'
import { baseTag as tag } from '../tag.ts'
import { type Rule, rulesStep, type TableChange, toolOf } from './restore.ts'

/** The admin's own chain (decisions 2): made, never filled, never flushed. */
const USER_CHAIN = 'TSNET-USER'

export function printBase(): readonly RulesStep[] {
  return ([4, 6] as const).flatMap((family) => [userChain(family), ownChains(family)])
}

/**
 * A step of its own, because it can be there before us, with the admin's rules
 * in it: `-N` then says "Chain already exists", which an executor counts as
 * done. The `:CHAIN` form would empty it.
 */
function userChain(family: Family): RulesStep {
  return {
    kind: 'rules',
    where: 'host',
    tool: toolOf(family),
    add: `*filter\n-N ${USER_CHAIN}\nCOMMIT\n`,
    remove: `*filter\n-X ${USER_CHAIN}\nCOMMIT\n`,
  }
}

function ownChains(family: Family): RulesStep {
  return rulesStep(toolOf(family), {
    ...(family === 4 ? { raw: guard } : {}),
    mangle: clamp,
    nat: translation(family),
    filter: forwarding,
  })
}

/** `route_localnet` lets packets for 127.0.0.0/8 in and out by the bridges; this keeps them from coming in. */
const guard: TableChange = {
  chains: ['TSNET-GUARD'],
  rules: [
    jump('PREROUTING', '', 'TSNET-GUARD'),
    { chain: 'TSNET-GUARD', at: 'end', match: '-d 127.0.0.0/8 ! -i lo', tag, target: '-j DROP' },
  ],
}

const clamp: TableChange = {
  chains: ['TSNET-MSS'],
  rules: [jump('FORWARD', '-p tcp -m tcp --tcp-flags SYN,RST SYN', 'TSNET-MSS')],
}

function translation(family: Family): TableChange {
  const local = '-m addrtype --dst-type LOCAL'
  return {
    chains: ['TSNET-DNAT', 'TSNET-POSTROUTING'],
    rules: [
      jump('PREROUTING', local, 'TSNET-DNAT'),
      jump('OUTPUT', local, 'TSNET-DNAT'),
      jump('POSTROUTING', '', 'TSNET-POSTROUTING'),
      ...(family === 6 ? unroutable6 : []),
    ],
  }
}

/** The kernel forwards packets from these to nobody, and IPv6 has no route_localnet. */
const unroutable6: readonly Rule[] = ['::1/128', 'fe80::/10'].map((prefix) => ({
  chain: 'TSNET-DNAT',
  at: 'end',
  match: `-d ${prefix}`,
  tag,
  target: '-j RETURN',
}))

/** The order of the four is the policy: README.md. */
const forwarding: TableChange = {
  chains: ['TSNET-FORWARD', 'TSNET-INTERNAL', 'TSNET-IN', 'TSNET-OUT', 'TSNET-OPEN', 'TSNET-SEMI'],
  rules: [
    jump('FORWARD', '', 'TSNET-FORWARD'),
    ...[USER_CHAIN, 'TSNET-INTERNAL', 'TSNET-IN', 'TSNET-OUT'].map(
      (chain): Rule => ({ chain: 'TSNET-FORWARD', at: 'end', match: '', tag, target: `-j ${chain}` }),
    ),
  ],
}

function jump(chain: string, match: string, to: string): Rule {
  return { chain, at: 'top', match, tag, target: `-j ${to}` }
}
