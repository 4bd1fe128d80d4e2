/**
 * Steps of a part on their way to the kernel: what several attachments share, and what is this one's, in its journal.
 *
 * @module
 */

import { dirname } from 'node:path'
import { isTsnetError } from '../../errors/codes.ts'
import type { OpenSandbox } from '../../kernel/kernel.ts'
import type { Step } from '../../plan/step.ts'
import { makeFolder } from '../../state/folders.ts'
import type { ContainerRecord, OwnedStep } from '../../state/records.ts'
import { applyOrUndo, beforeValues, lower } from '../attach/apply.ts'
import type { EngineContext } from '../context.ts'
import { undoPending } from '../heal/takedown.ts'

/** @returns the steps that made something: to be taken back only if this very ADD fails */
export async function applyShared(
  context: EngineContext,
  steps: readonly Step[],
  sandbox: OpenSandbox,
): Promise<ReturnType<typeof lower>> {
  if (steps.length === 0) return []
  const lowered = lower(steps, 'none')
  const filled = lowered.flatMap(beforeValues(lowered, context.kernel, sandbox))
  const created = await applyOrUndo(context.kernel, filled, sandbox)
  return filled.filter((_, i) => created[i])
}

/** Journals the steps and applies them. @returns those that made something; the caller commits */
export async function applySteps(
  context: EngineContext,
  {
    key,
    record,
    of,
    steps: planned,
  }: {
    readonly key: string
    readonly record: ContainerRecord
    readonly of: string
    readonly steps: readonly Step[]
  },
  sandbox: OpenSandbox,
): Promise<readonly OwnedStep[]> {
  const lowered = lower(planned, 'none')
  for (const step of lowered) if (step.kind === 'file') makeFolder(dirname(step.path))
  const steps = lowered
    .flatMap(beforeValuesOf(context, lowered, sandbox))
    .map((step): OwnedStep => ({ of, step }))
  context.containers.begin(key, { ...record, steps })
  try {
    const created = await applyOrUndo(
      context.kernel,
      steps.map(({ step }) => step),
      sandbox,
    )
    return steps.filter((_, i) => created[i])
  } catch (error) {
    const undone = await undoPending(context, key)
    if (isTsnetError(error)) error.undo.push(...undone)
    throw error
  }
}

/** Settings of interfaces that the same plan makes cannot be read yet, and go with them. */
function beforeValuesOf(
  context: EngineContext,
  steps: ReturnType<typeof lower>,
  sandbox: OpenSandbox,
): ReturnType<typeof beforeValues> {
  const fill = beforeValues(steps, context.kernel, sandbox)
  const batches = steps.flatMap((step) => (step.kind === 'batch' ? step.add : [])).join('\n')
  return (step) => {
    const dev = step.kind === 'sysctl' ? step.key.split('/')[3] : undefined
    return dev !== undefined && batches.includes(` ${dev} `) ? [step] : fill(step)
  }
}
