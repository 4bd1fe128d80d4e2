/**
 * Programs that look at a host or a sandbox, or speak for somebody else: `ip
 * -json`, `iptables-save`, foreign CNI plugins.
 *
 * Into a sandbox they are led by nsenter, through our own descriptor of it: the
 * path may mean another namespace by now.
 *
 * @module
 */

import type { OpenSandbox } from '../kernel.ts'
import { ours } from '../namespace/sandbox.ts'
import { type RunResult, run } from './run.ts'

export interface ExecOptions {
  readonly sandbox?: OpenSandbox | undefined
  readonly input?: string
  /** Instead of ours. */
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly timeoutMs?: number
  readonly inherits?: () => readonly number[]
}

/** @throws TSNET_PROGRAM_MISSING (unavailable), TSNET_PROGRAM_FAILED (internal) for a killed one */
export function exec(argv: readonly [string, ...string[]], options: ExecOptions = {}): Promise<RunResult> {
  const { sandbox, ...rest } = options
  return run(sandbox === undefined ? argv : [...entering(sandbox), ...argv], rest)
}

/** The words that lead a program into a sandbox. */
function entering(sandbox: OpenSandbox): [string, ...string[]] {
  return ['nsenter', `--net=${descriptorPath(sandbox)}`, '--']
}

/** How programs we start name the namespace. */
export function descriptorPath(sandbox: OpenSandbox): string {
  return `/proc/${process.pid}/fd/${ours(sandbox).fd}`
}
