/**
 * Base rules of a backend belong to one state folder: those of two would empty
 * each other's chains, and the last network of one would take away the other's
 * published ports. Whoever comes second is refused before anything is changed.
 *
 * @module
 */

import { fail } from '../../errors/codes.ts'
import type { UnitRecord } from '../../state/records.ts'
import type { EngineContext } from '../context.ts'

/** Of the rules of backend none there are none. */
const isBase = (unit: string): boolean => unit.startsWith('base@') && unit !== 'base@none'

/** @throws TSNET_RULES_IN_USE (conflict) where another state folder has these base rules on this host */
export function refuseBeside({ beside, kernel }: EngineContext, unit: string): void {
  const here = isBase(unit) ? kernel.identity?.() : undefined
  const folder = here === undefined ? undefined : beside.holder(unit, here)
  if (folder === undefined) return
  const backend = unit.slice('base@'.length)
  const other = backend === 'iptables' ? 'nftables' : 'iptables'
  const there = folder === beside.usual ? 'no --state-dir' : `--state-dir ${folder}`
  throw fail('TSNET_RULES_IN_USE', {
    message: `making packet rules with ${backend}: on this host they belong to the state folder ${folder}, and two would take each other's away`,
    field: 'stateDir',
    value: folder,
    hint: `use ${there} here too, or --firewall ${other}; with the last network there they are free`,
  })
}

/** For the record of a unit that is about to be made. */
export function whereMade({ kernel }: EngineContext, unit: string): Pick<UnitRecord, 'netns'> {
  const netns = isBase(unit) ? kernel.identity?.() : undefined
  return netns === undefined ? {} : { netns }
}

/** Once its journal entry is there: {@link refuseBeside} of others finds it from now on. */
export function tellBeside({ beside }: EngineContext, { netns }: UnitRecord): void {
  if (netns !== undefined) beside.tell()
}

/** Before the journal entry of a unit that is gone is: with the last one nobody need find us. */
export function forgetBeside({ beside, units }: EngineContext, unit: string): void {
  if (isBase(unit) && ![...units.keys(), ...units.pendingKeys()].some((one) => isBase(one) && one !== unit))
    beside.forget()
}
