/**
 * A record of a living container takes the place of another one, and what
 * follows from it (files, names, rules) follows. The last act of a change and of
 * its way back; when which of them is due is `change.ts` and `takedown.ts`.
 *
 * @module
 */

import type { LoweredStep } from '../../plan/step.ts'
import type { ContainerRecord } from '../../state/records.ts'
import type { EngineContext } from '../context.ts'
import { restateNames } from '../names/names.ts'

/** The record of a living container is this one; files, names and rules follow. */
export async function standAs(
  context: EngineContext,
  record: ContainerRecord,
  redo: readonly LoweredStep[],
): Promise<void> {
  // Taken down meanwhile: it must not come back.
  if (!context.containers.has(record.id)) return
  context.containers.replace(record.id, record)
  const wanted = redo.filter((step) => isStillMeant(context, step))
  const missing = wanted.length === 0 ? [] : await context.kernel.missing(wanted, undefined)
  if (missing.length > 0) {
    const { error } = await context.kernel.apply(missing, undefined)
    if (error !== undefined) throw error as Error
  }
  await restateNames(context, record)
}

/** A file somebody else has rewritten since is theirs, and one whose folder is gone is nobody's. */
function isStillMeant({ kernel }: EngineContext, step: LoweredStep): boolean {
  if (step.kind !== 'file') return true
  try {
    const current = kernel.changeableText(step.path)
    return step.mark !== undefined || current === step.before || current === step.text
  } catch (error) {
    // What the file system refuses now (readChangeable: with a cause) may be done later.
    return step.mark !== undefined && (error as Error).cause !== undefined
  }
}
