/**
 * Rules that somebody has flushed: which are missing, and putting them back.
 *
 * One reading program and one writing one for each tool, however many rules:
 * what was flushed is missed by those who are connected at that moment. Where
 * that way fails, each step is looked for, taken back and done again by itself,
 * which is slow and always ends with its reason.
 *
 * @module
 */

import type { RulesStep, RulesTool } from '../../plan/step.ts'
import { findProgram, run } from '../system/run.ts'
import { missingRules, restore, revertRestore } from './iptables.ts'
import { missingNft, type NftTables, revertNft, runNft } from './nft.ts'
import { statementsOf } from './nft-script.ts'
import { mendingOf } from './restore-mend.ts'

type Rules = Pick<RulesStep, 'tool' | 'add' | 'remove'>
/** What to do about rules that are missing. */
type About = 'tell' | 'mend'

/** @returns the steps something is missing of; the first of a tool also where rules of nobody are there */
export function lostRules<T extends Rules>(steps: readonly T[]): Promise<readonly T[]> {
  return eachTool(steps, 'tell')
}

/**
 * Puts back what is missing; steps in the order they were made in.
 *
 * @returns of how many steps something was missing
 * @throws what `runNft` and `restore` throw
 */
export async function mendRules(steps: readonly Rules[]): Promise<number> {
  return (await eachTool(steps, 'mend')).length
}

/** Tools do not know each other, so theirs go on at the same time. */
async function eachTool<T extends Rules>(steps: readonly T[], about: About): Promise<readonly T[]> {
  const tools = [...new Set(steps.map(({ tool }) => tool))]
  const damaged = await Promise.all(
    tools.map((tool) => {
      const own = steps.filter((step) => step.tool === tool)
      return tool === 'nft' ? ofNft(own, about) : ofIptables(tool, own, about)
    }),
  )
  return damaged.flat()
}

async function ofIptables<T extends Rules>(
  tool: Exclude<RulesTool, 'nft'>,
  steps: readonly T[],
  about: About,
): Promise<readonly T[]> {
  const saved = findProgram(`${tool}-save`) === undefined ? undefined : await run([`${tool}-save`])
  if (saved?.exitCode !== 0) return singly(steps, about)
  const { damaged, text } = mendingOf(
    steps.map(({ add }) => add),
    saved.stdout,
  )
  if (about === 'mend' && text !== '') {
    try {
      await restore(tool, text)
    } catch {
      await singly(steps, about)
    }
  }
  return damaged.flatMap((nth) => steps[Math.max(0, nth)] ?? [])
}

async function ofNft<T extends Rules>(steps: readonly T[], about: About): Promise<readonly T[]> {
  const tables: NftTables = new Map()
  const damaged = steps.filter(({ add }) => missingNft(add, tables))
  if (damaged.length === 0 || about === 'tell') return damaged
  try {
    for (const script of anewInNft(steps.map(({ add }) => add))) await runNft(script)
  } catch {
    await singly(steps, about)
  }
  return damaged
}

/**
 * Everything anew: sets are emptied once they are there, so that nothing old stays in them. One transaction, and one
 * for each plain subnet: of neighbours added together the kernel loses the end of the first, and can then neither find
 * nor delete it (6.18, nft 1.0.6).
 */
function anewInNft(adds: readonly string[]): readonly string[] {
  const statements = adds.flatMap((add) => statementsOf(add).map(({ text }) => `${text.trimEnd()}\n`))
  const isElement = (text: string): boolean => text.startsWith('add element ')
  const isSubnet = (text: string): boolean => /^add element \S+ \S+ \S+ \{ [0-9a-f.:]+\/\d+ /.test(text)
  const flushes = statements.flatMap((text) => {
    const [, kind, name] = /^add (set|map) (\S+ \S+ \S+)/.exec(text) ?? []
    return name === undefined ? [] : [`flush ${kind} ${name}\n`]
  })
  const elements = statements.filter(isElement)
  const together = [
    ...statements.filter((text) => !isElement(text)),
    ...flushes,
    ...elements.filter((text) => !isSubnet(text)),
  ]
  return [together.join(''), ...elements.filter(isSubnet)]
}

async function singly<T extends Rules>(steps: readonly T[], about: About): Promise<readonly T[]> {
  const missing: T[] = []
  for (const step of steps) {
    const { tool, add } = step
    if (tool === 'nft' ? missingNft(add) : await missingRules(tool, add)) missing.push(step)
  }
  if (about === 'tell') return missing
  // Of a step that is only partly there the rest goes first, so that nothing is there twice.
  for (const { tool, remove } of [...missing].reverse()) {
    if (tool === 'nft') await revertNft(remove)
    else await revertRestore(tool, remove)
  }
  for (const { tool, add } of missing) {
    if (tool === 'nft') await runNft(add)
    else await restore(tool, add)
  }
  return missing
}
