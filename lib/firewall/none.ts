/**
 * The backend of those who write their own rules: nothing is printed, so
 * nothing is isolated, masqueraded or published.
 *
 * A real backend, so that nobody has to ask whether there is one.
 *
 * @module
 */

import type { RulesStep } from '../plan/step.ts'

export function printNothing(): readonly RulesStep[] {
  return []
}
