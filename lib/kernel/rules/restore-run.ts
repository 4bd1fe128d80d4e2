/**
 * One run of an iptables program: which variant it is, how it is started, what its refusal is told as.
 *
 * It has the locks we hold: when we are killed it goes on, and is waited for.
 *
 * @module
 */

import { spawnSync } from 'node:child_process'
import { realpathSync } from 'node:fs'
import { basename } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fail } from '../../errors/codes.ts'
import type { RulesTool } from '../../plan/step.ts'
import { heldLocks } from '../system/lock.ts'
import { countSpawn, findProgram, programEnvironment, type RunResult, run } from '../system/run.ts'
import { numbered } from './nft-script.ts'
import {
  atCommit,
  checksFor,
  commandsOf,
  failedLine,
  isLockBusy,
  removalOf,
  saysGone,
} from './restore-text.ts'

export type IptablesTool = Exclude<RulesTool, 'nft'>

/** How long the programs wait for the xtables lock, which other programs hold for milliseconds. */
const lockWaitSeconds = 10
const processLimitMs = 60_000
/** Together a quarter of a second, which a table costs that is refused for another reason. */
const mostCommits = 20
const longestPauseMs = 10

let variant: 'nft' | 'legacy' | null | undefined

/**
 * What plain `iptables` is on this host; it does not change while we run.
 *
 * @returns undefined where there is no iptables
 */
export function iptablesVariant(): 'nft' | 'legacy' | undefined {
  if (variant === undefined) variant = findVariant() ?? null
  return variant ?? undefined
}

function findVariant(): 'nft' | 'legacy' | undefined {
  const path = findProgram('iptables')
  if (path === undefined) return undefined
  const program = basename(realpathSync(path))
  if (program === 'xtables-nft-multi') return 'nft'
  if (program === 'xtables-legacy-multi') return 'legacy'
  // A wrapper script, as in some distributions and container images: it must say itself. Older than 1.8: legacy.
  countSpawn()
  const told = spawnSync(path, ['-V'], { encoding: 'utf8', env: programEnvironment(), timeout: 10_000 })
  return told.stdout?.includes('nf_tables') === true ? 'nft' : 'legacy'
}

export function isNft(tool: IptablesTool): boolean {
  return tool.endsWith('-nft') || (!tool.endsWith('-legacy') && iptablesVariant() === 'nft')
}

/**
 * Adds to what is there (`--noflush`), each table in one transaction.
 *
 * The legacy kernel refuses a table that somebody else has changed since it was read, which the lock of the programs
 * prevents for all but those who have another /run, in a container say. It does not say that this is why; and where the
 * change comes a moment later, it refuses the counters of a table that is done.
 */
export async function runRestore(tool: IptablesTool, text: string): Promise<RunResult> {
  const argv: [string, ...string[]] = [`${tool}-restore`, '--noflush', '--wait', String(lockWaitSeconds)]
  let input = text.endsWith('\n') ? text : `${text}\n`
  for (let attempt = 1; ; attempt++) {
    const result = await run(argv, { input, timeoutMs: processLimitMs, inherits: heldLocks })
    if (result.exitCode === 0 || isNft(tool) || attempt === mostCommits) return result
    const refused = atCommit(input, failedLine(result.stderr))
    if (refused === undefined) return result
    input = (await isDone(tool, refused.table)) ? refused.later : refused.again
    await sleep(Math.random() * longestPauseMs)
  }
}

async function isDone(tool: IptablesTool, add: string): Promise<boolean> {
  const checks = checksFor(add)
  return checks !== '' && (await runRestore(tool, checks)).exitCode === 0
}

/**
 * Removes command by command what is there of a removal; what is gone stops nothing.
 *
 * @throws TSNET_PROGRAM_FAILED (internal) after everything else has been tried
 */
export async function revertSingly(tool: IptablesTool, text: string): Promise<void> {
  // A table that was committed before the failing one is done: its commands are found to be gone now.
  const errors: unknown[] = []
  for (const command of commandsOf(text)) {
    const args = removalOf(command)
    if (args === undefined) continue
    const single = await runSingle(tool, args)
    if (single.exitCode !== 0 && !saysGone(single.stderr))
      errors.push(complaint(tool, command.command, single))
  }
  if (errors.length > 1) {
    const message = `${tool}: removing rules: ${errors.length} commands failed`
    throw fail('TSNET_PROGRAM_FAILED', { message, cause: new AggregateError(errors, message) })
  }
  if (errors.length === 1) throw errors[0]
}

/** As {@link runRestore}; here the program says what the kernel has said. What was done all the same is gone the next time. */
async function runSingle(tool: IptablesTool, args: readonly string[]): Promise<RunResult> {
  const argv: [string, ...string[]] = [tool, '--wait', String(lockWaitSeconds), ...args]
  for (let attempt = 1; ; attempt++) {
    const result = await run(argv, { timeoutMs: processLimitMs, inherits: heldLocks })
    const isChanged = /: (Resource temporarily unavailable|Invalid argument)\./.test(result.stderr)
    if (result.exitCode === 0 || !isChanged || isNft(tool) || attempt === mostCommits) return result
    await sleep(Math.random() * longestPauseMs)
  }
}

/** The kernel does not let us; without a right to see a table, too. */
export function isRefused(stderr: string): boolean {
  return /Permission denied|you must be root|Operation not permitted/.test(stderr)
}

/** What a restore program, given this text, has refused, as an error. */
export function complaint(doing: string, text: string, { exitCode, stderr }: RunResult): Error {
  const line = failedLine(stderr)
  const lines = text.trimEnd().split('\n')
  const failing = lines.length === 1 ? lines[0] : line === undefined ? undefined : lines[line - 1]
  const reason = stderr
    .split('\n')
    .map((one) => one.replace(/^ip6?tables\S*( v\S+ \(\w+\))?:\s*/, '').trim())
    .filter((one) => one !== '' && !one.startsWith('Try `') && !one.startsWith('Error occurred'))
    .join('; ')
  const quoted = failing === undefined ? '' : `: ${failing}`
  const message = `${doing}: ${reason === '' ? `exit code ${exitCode}` : reason}${quoted}`
  const cause = new Error(`exit code ${exitCode}\n${stderr.trimEnd()}\n${numbered(text)}`)
  if (isLockBusy(stderr)) {
    const hint =
      'another program holds /run/xtables.lock: try again, or see who with `fuser /run/xtables.lock`'
    return fail('TSNET_LOCK_TIMEOUT', { message: `${doing}: the xtables lock is busy`, cause, hint })
  }
  if (isRefused(stderr))
    return fail('TSNET_NOT_PERMITTED', { message, cause, hint: 'run as root, with CAP_NET_ADMIN' })
  return fail('TSNET_PROGRAM_FAILED', { message, cause })
}
