/**
 * Adds and removes rules of several at the same time, one of them refused, and
 * prints what each was told and how many processes it took.
 *
 * Usage: folding.ts TOOL, with the steps as JSON on standard input
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { foldRules, ruleFolder } from '../../../lib/kernel/rules/rule-folder.ts'
import { spawnCount } from '../../../lib/kernel/system/run.ts'
import type { RulesStep } from '../../../lib/plan/step.ts'

const steps = JSON.parse(readFileSync(0, 'utf8')) as readonly RulesStep[]

async function all(way: 'add' | 'remove'): Promise<unknown> {
  const before = spawnCount()
  const told = await Promise.all(
    steps.map((step) =>
      foldRules({ step, way }, ruleFolder.join).then(
        () => 'done',
        (error: unknown) => (error as Error).message,
      ),
    ),
  )
  return { told, processes: spawnCount() - before }
}

const added = await all('add')
process.stdout.write(`${JSON.stringify(added)}\n`)
if (process.argv.includes('--keep')) process.exit(0)
process.stdout.write(`${JSON.stringify(await all('remove'))}\n`)
