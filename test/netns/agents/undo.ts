/**
 * The undo loop over one golden plan: `undo.ts PLAN BACKEND`.
 *
 * Prints one JSON document: how many failures were provoked, and every way in
 * which the host was not as before.
 *
 * @module
 */
import { execFileSync } from 'node:child_process'
import { applyOrUndo } from '../../../lib/engine/attach/apply.ts'
import type { StepPhase } from '../../../lib/kernel/kernel.ts'
import { createLinuxKernel } from '../../../lib/kernel/linux.ts'
import type { FirewallBackend } from '../../../lib/model/attachment.ts'
import { GoldenHost, goldenPlan } from './golden-host.ts'
import { changes } from './pictures.ts'

const [name, backend] = process.argv.slice(2) as [string, FirewallBackend]
const golden = goldenPlan(name)
const { plan } = golden
const host = await GoldenHost.prepare(golden, backend)
const before = await host.pictures(plan)
const faults: string[] = []
let failures = 0

/** Quick look for the moment of failure: hooks cannot wait. */
function glance(): string {
  const keys = plan.steps.flatMap((step) => {
    if (step.kind === 'file') return [step.path]
    return step.kind === 'sysctl' ? [`/proc/sys/${step.key}`] : []
  })
  const look = `ip -o link; ip -o address; nft -s list ruleset; iptables-save; cat /dev/null ${keys.join(' ')} 2>/dev/null || true`
  const inside = `nsenter --net=${host.paths[plan.sandbox]} sh -c 'ip -o link; ip -o address'`
  return execFileSync('sh', ['-c', `${look}; ${inside}`], { encoding: 'utf8', timeout: 10_000 })
}

async function failOnce(index: number, phase: StepPhase, untouched: string): Promise<void> {
  await host.inside(plan, async (sandbox) => {
    const steps = host.lowered(plan, sandbox)
    const where = `${phase} step ${index} (${steps[index]?.kind})`
    let between = untouched
    const kernel = createLinuxKernel({
      onStep: (step, now) => {
        if (step !== steps[index] || now !== phase) return
        between = glance()
        throw new Error(`as asked, ${where}`)
      },
    })
    const error: unknown = await applyOrUndo(kernel, steps, sandbox).then(
      () => new Error('it did not fail'),
      (caught: unknown) => caught,
    )
    kernel.close()
    failures++
    const { message, undo } = error as Error & { readonly undo?: readonly unknown[] }
    if (message !== `as asked, ${where}`) faults.push(`${where}: ${message}`)
    faults.push(...(undo ?? []).map((one) => `${where}: undo: ${String(one)}`))
    if (index > 0 && between === untouched) faults.push(`${where}: nothing had been done`)
    faults.push(...changes(before, await host.pictures(plan)).map((line) => `${where}: ${line}`))
  })
}

const count = await host.inside(plan, async (sandbox) => host.lowered(plan, sandbox).length)
const untouched = glance()
for (let index = 0; index < count; index++) {
  // Settings that stay drop out of the plan once they were made.
  const left = await host.inside(plan, async (sandbox) => host.lowered(plan, sandbox).length)
  if (index >= left) break
  for (const phase of ['before', 'after'] as const) await failOnce(index, phase, untouched)
}

await host.inside(plan, async (sandbox) => {
  const steps = host.lowered(plan, sandbox)
  const created = await applyOrUndo(host.kernel, steps, sandbox)
  const missing = await host.kernel.missing(steps, sandbox)
  faults.push(...missing.map((step) => `applied, but missing: ${JSON.stringify(step)}`))
  const ours = steps.filter((_, i) => created[i])
  const errors = await host.kernel.revert(ours, sandbox)
  faults.push(...errors.map((error) => `taken back: ${String(error)}`))
  faults.push(...changes(before, await host.pictures(plan)).map((line) => `taken back: ${line}`))
})

await host.close()
console.log(JSON.stringify({ failures, faults }))
