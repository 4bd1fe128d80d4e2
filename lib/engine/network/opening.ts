/**
 * What one set of rules has and another has not, as steps that add exactly that
 * and take exactly that away, with everything else in place.
 *
 * For iptables a rule goes where it stands in the longer set, by its number in
 * its chain; for nft rules of networks are elements of sets, which have no order.
 *
 * @module
 */

import type { LoweredStep, RulesStep } from '../../plan/step.ts'

/** @param shorter a part of `longer`, printed by the same printer */
export function opening(
  shorter: readonly LoweredStep[],
  longer: readonly LoweredStep[],
): readonly RulesStep[] {
  const isRules = (step: LoweredStep): step is RulesStep => step.kind === 'rules'
  const base = shorter.filter(isRules)
  return longer.filter(isRules).flatMap((step) => {
    const same = base.filter(({ tool }) => tool === step.tool).flatMap(({ add }) => linesOf(add))
    const difference = step.tool === 'nft' ? ofElements(step, same) : ofChains(step, same)
    return difference.add === '' ? [] : [difference]
  })
}

const linesOf = (text: string): readonly string[] => text.split('\n').filter((line) => line !== '')
const textOf = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('')

function ofElements(step: RulesStep, same: readonly string[]): RulesStep {
  const more = linesOf(step.add).filter((line) => !same.includes(line))
  const remove = more.map((line) => line.replace(/^add element/, 'delete element'))
  const printed = linesOf(step.remove)
  // As the printer takes it away: a map's element is deleted by its key alone.
  const known = remove.map((line) => printed.find((one) => line.startsWith(one.replace(/ \}$/, ''))) ?? line)
  return { ...step, add: textOf(more), remove: textOf(known) }
}

interface Placed {
  readonly table: string
  readonly insert: string
  readonly remove: string
}

function ofChains(step: RulesStep, same: readonly string[]): RulesStep {
  const places = new Map<string, number>()
  const more: Placed[] = []
  let table = ''
  for (const line of linesOf(step.add)) {
    if (line.startsWith('*')) table = line
    const [, chain, rule] = /^-A (\S+) (.*)$/.exec(line) ?? []
    if (chain === undefined || rule === undefined) continue
    const place = (places.get(`${table} ${chain}`) ?? 0) + 1
    places.set(`${table} ${chain}`, place)
    if (same.includes(line)) continue
    // Chains the network shares with others have their own order: there it goes to the end.
    const own = linesOf(step.add).includes(`:${chain} - [0:0]`)
    more.push({
      table,
      insert: own ? `-I ${chain} ${place} ${rule}` : `-A ${chain} ${rule}`,
      remove: `-D ${chain} ${rule}`,
    })
  }
  const script = (lines: (one: Placed) => string, order: readonly Placed[]): string => {
    const tables = [...new Set(order.map((one) => one.table))]
    return textOf(
      tables.flatMap((name) => [name, ...order.filter((one) => one.table === name).map(lines), 'COMMIT']),
    )
  }
  if (more.length === 0) return { ...step, add: '', remove: '' }
  return {
    ...step,
    add: script(({ insert }) => insert, more),
    remove: script(({ remove }) => remove, [...more].reverse()),
  }
}
