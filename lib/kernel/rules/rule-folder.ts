/**
 * Rules that are added or removed at the same time, as one transaction for each
 * tool.
 *
 * A process of iptables-restore costs 4 ms and more with every rule that is
 * there, an nftables transaction 0.1 ms; ten in one cost the same. Each caller
 * gets its own result: where the whole is refused, everybody's part is done by
 * itself. Not responsible for how a text is applied (iptables.ts, nft.ts).
 *
 * @module
 */

import type { RulesStep } from '../../plan/step.ts'
import { type Company, createCompany } from '../system/company.ts'
import { restore, revertRestore } from './iptables.ts'
import { revertNft, runNft } from './nft.ts'
import { mergedRestore } from './restore-text.ts'

export interface RulesOrder {
  readonly step: Pick<RulesStep, 'tool' | 'add' | 'remove'>
  readonly way: 'add' | 'remove'
}

export type RulesAnswer = { readonly created: boolean } | { readonly error: unknown }

/** For the whole process: the host's rules are the same for all. */
export const ruleFolder: Company<RulesOrder, RulesAnswer> = createCompany(carryOut)

/** @throws what `runNft` and `restore` throw */
export async function foldRules(
  order: RulesOrder,
  join: Company<RulesOrder, RulesAnswer>['join'],
): Promise<{ readonly created: boolean }> {
  const answer = await join(order)
  if ('error' in answer) throw answer.error
  return answer
}

/** Tools do not know each other, so theirs go on at the same time; of one tool removals come first. */
async function carryOut(orders: readonly RulesOrder[]): Promise<readonly RulesAnswer[]> {
  const answers = new Map<RulesOrder, RulesAnswer>()
  const tools = [...new Set(orders.map(({ step }) => step.tool))]
  await Promise.all(
    tools.map(async (tool) => {
      for (const way of ['remove', 'add'] as const) {
        const group = orders.filter((order) => order.step.tool === tool && order.way === way)
        for (const [nth, answer] of (await together(group)).entries())
          answers.set(group[nth] as RulesOrder, answer)
      }
    }),
  )
  return orders.map((order) => answers.get(order) as RulesAnswer)
}

async function together(group: readonly RulesOrder[]): Promise<readonly RulesAnswer[]> {
  const [first, second] = group
  if (first === undefined) return []
  if (second === undefined) return [await alone(first)]
  const { way, step } = first
  const { tool } = step
  const texts = group.map((order) => order.step[way])
  const all = tool === 'nft' ? texts.join('') : mergedRestore(texts)
  const whole = await alone({ way, step: { tool, add: all, remove: all } })
  if (!('error' in whole)) return group.map(() => whole)
  const answers: RulesAnswer[] = []
  for (const order of group) {
    // A table that was committed before the failing one has everybody's rules in it.
    if (way === 'add' && tool !== 'nft') await alone({ ...order, way: 'remove' })
    answers.push(await alone(order))
  }
  return answers
}

async function alone({ way, step }: RulesOrder): Promise<RulesAnswer> {
  const { tool, add, remove } = step
  try {
    if (way === 'add') {
      if (tool !== 'nft') return await restore(tool, add)
      await runNft(add)
    } else if (tool === 'nft') await revertNft(remove)
    else await revertRestore(tool, remove)
    return { created: true }
  } catch (error) {
    return { error }
  }
}
