/**
 * Which steps do not hold any more.
 *
 * @module
 */

import type { LoweredStep } from '../../plan/step.ts'
import { failureOf } from './failure.ts'
import type { Sides } from './handler.ts'
import { handlerOf } from './table.ts'
import { readView } from './view.ts'

export async function missingSteps(
  steps: readonly LoweredStep[],
  sides: Sides,
): Promise<readonly LoweredStep[]> {
  const view = await readView(sides)
  const missing: LoweredStep[] = []
  for (const step of steps) {
    try {
      if (!(await handlerOf(step).holds(step, view))) missing.push(step)
    } catch (error) {
      throw failureOf(step, error)
    }
  }
  return missing
}
