/**
 * One setting as a step.
 *
 * @module
 */

import type { SysctlStep, Where } from './step.ts'

/** @param key below /proc/sys, with `/` between parts @param flags default: put back afterwards, and there in every kernel */
export function sysctl(
  where: Where,
  key: string,
  value: string,
  flags: { readonly keep?: boolean; readonly optional?: boolean } = {},
): SysctlStep {
  return { kind: 'sysctl', where, key, value, keep: flags.keep ?? false, optional: flags.optional ?? false }
}
