/**
 * One golden plan done and taken back, in the throwaway host this process was
 * started in: `printed.ts PLAN BACKEND kernel|script`, by the kernel room or by
 * the script that `tsnet plan` prints.
 *
 * Prints one JSON document: what it looks like between, and what is left.
 *
 * @module
 */
import type { FirewallBackend } from '../../../lib/model/attachment.ts'
import { script } from '../../../lib/plan/describe.ts'
import type { LoweredStep } from '../../../lib/plan/step.ts'
import { runToEnd } from '../../../netns-fixtures/process.ts'
import type { Part } from '../../golden/plans.ts'
import { GoldenHost, goldenPlan } from './golden-host.ts'
import { changes } from './pictures.ts'

const [name, backend, by] = process.argv.slice(2) as [string, FirewallBackend, 'kernel' | 'script']
const golden = goldenPlan(name)
const { before, plan } = golden
const host = await GoldenHost.prepare({ ...golden, before: by === 'kernel' ? before : [] }, backend)

async function run(steps: readonly LoweredStep[], part: Part, direction: 'add' | 'remove'): Promise<void> {
  const text = script(steps, { sandboxPath: host.paths[part.sandbox], direction })
  const { stderr } = await runToEnd(['sh'], { stdin: text, timeoutMs: 30_000 })
  if (stderr !== '') throw new Error(`the script complains: ${stderr}\n${text}`)
}

async function doAll(part: Part): Promise<readonly LoweredStep[]> {
  if (by === 'kernel') return host.apply(part)
  const steps = await host.inside(part, async (sandbox) => host.lowered(part, sandbox))
  await run(steps, part, 'add')
  return steps
}

async function takeBack(part: Part, steps: readonly LoweredStep[]): Promise<void> {
  if (by === 'script') return run(steps, part, 'remove')
  const errors = await host.inside(part, (sandbox) => host.kernel.revert(steps, sandbox))
  if (errors.length > 0) throw errors[0]
}

if (by === 'script') for (const part of before) await doAll(part)
const untouched = await host.pictures(plan)
const steps = await doAll(plan)
const between = await host.pictures(plan)
await takeBack(plan, steps)
const left = changes(untouched, await host.pictures(plan))
await host.close()
console.log(JSON.stringify({ between, left }))
