/**
 * Lowering, before-values, apply and undo: from planned steps to done ones.
 *
 * @module
 */

import { asTsnetError } from '../../errors/codes.ts'
import { printerFor } from '../../firewall/printer.ts'
import type { Kernel, OpenSandbox } from '../../kernel/kernel.ts'
import type { FirewallBackend } from '../../model/attachment.ts'
import type { LoweredStep, Step } from '../../plan/step.ts'
import { withTextBefore } from '../../plan/textfile.ts'

/** Intents become the scripts of that backend; everything else stays. */
export function lower(steps: readonly Step[], backend: FirewallBackend): readonly LoweredStep[] {
  const printer = printerFor(backend)
  return steps.flatMap((step): readonly LoweredStep[] =>
    step.kind === 'firewall' ? printer.print(step.intent) : [step],
  )
}

/**
 * Fills in what revert has to put back, so that the journal holds it before the
 * first change. Reads all values at once.
 *
 * @returns the step with its before-value; nothing for a setting that is as wished already: not ours
 */
export function beforeValues(
  steps: readonly LoweredStep[],
  kernel: Kernel,
  sandbox: OpenSandbox | undefined,
): (step: LoweredStep) => readonly LoweredStep[] {
  const born = bornHere(steps)
  const keysAt = (where: Step['where']): string[] =>
    steps.flatMap((step) =>
      step.kind === 'sysctl' && step.where === where && !born(step.key) ? [step.key] : [],
    )
  const [hostKeys, sandboxKeys] = [keysAt('host'), keysAt('sandbox')]
  const host = hostKeys.length > 0 ? kernel.hostSysctls(hostKeys) : undefined
  const inside = sandboxKeys.length > 0 ? sandbox?.sysctls(sandboxKeys) : undefined
  return (step) => {
    if (step.kind === 'file') {
      const filled = withTextBefore(step, kernel.changeableText(step.path))
      return filled === undefined ? [] : [filled]
    }
    if (step.kind !== 'sysctl') return [step]
    const before = (step.where === 'host' ? host : inside)?.get(step.key)
    if (before === step.value) return []
    return [before === undefined ? step : { ...step, before }]
  }
}

export function withBefore(steps: readonly LoweredStep[], kernel: Kernel): readonly LoweredStep[] {
  return steps.flatMap(beforeValues(steps, kernel, undefined))
}

/** Settings of an interface that these steps make: there is nothing to read yet, and they go with it. */
function bornHere(steps: readonly LoweredStep[]): (key: string) => boolean {
  const names = steps.flatMap((step) => {
    if (step.kind === 'bridge') return [step.name]
    return step.kind === 'veth' ? [step.name, step.peer.name] : []
  })
  return (key) => names.some((name) => key.startsWith('net/ipv') && key.split('/')[3] === name)
}

/**
 * Applies steps in order. If one fails, takes back all that was done, the
 * failed step included (it may have been done and reported late).
 *
 * @returns for each step whether this call created it
 * @throws the first failure, with what could not be undone in `undo`
 */
export async function applyOrUndo(
  kernel: Kernel,
  steps: readonly LoweredStep[],
  sandbox: OpenSandbox | undefined,
): Promise<readonly boolean[]> {
  const outcome = await kernel.apply(steps, sandbox)
  if (outcome.error === undefined) return outcome.results.map((result) => result?.created ?? false)
  const error = asTsnetError(outcome.error)
  // What was never begun is not taken back: something like it may be somebody else's by now.
  const ours = steps.slice(0, outcome.tried).filter((_, i) => outcome.results[i]?.created ?? true)
  error.undo.push(...(await kernel.revert(ours, sandbox)))
  throw error
}
