/**
 * Starts a program and waits for it.
 *
 * Everything runs under LC_ALL=C, because the text of errors is read, and with
 * the directories of system programs on the path, because a user's shell or an
 * engine may not have them. How a process is started is in spawn.ts, which is
 * loaded with the first: with nftables there is none at all. Not responsible for
 * what an exit code means: that is for the caller.
 *
 * @module
 */

import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fail } from '../errors/codes.ts'
import { EACCES, ENOENT, SystemError } from './errno.ts'
import type { Ended } from './spawn.ts'

export interface RunOptions {
  /** Written to the program's standard input, which is closed after it; absent: empty. */
  readonly input?: string
  /** The program is killed after this time. Default 30 s. */
  readonly timeoutMs?: number
  /** Instead of {@link programEnvironment}. */
  readonly env?: Readonly<Record<string, string | undefined>>
}

export interface RunResult {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

const systemDirectories = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin']
const defaultTimeoutMs = 30_000

/** Debian's package of each program we may start. */
const packages: readonly (readonly [RegExp, string])[] = [
  [/^ip6?tables/, 'iptables'],
  [/^nft$/, 'nftables'],
  [/^conntrack$/, 'conntrack'],
  [/^(ip|bridge|tc)$/, 'iproute2'],
  [/^nsenter$/, 'util-linux'],
  [/^ping$/, 'iputils-ping'],
  [/^dig$/, 'bind9-dnsutils'],
]

let spawned = 0

/** How many processes this process has started, for tests and figures. */
export function spawnCount(): number {
  return spawned
}

/** For the few places that must start a process synchronously. */
export function countSpawn(): void {
  spawned++
}

/** The environment programs get: ours, in the C locale, with the system's directories behind ours. */
export function programEnvironment(): Record<string, string | undefined> {
  return { ...process.env, LC_ALL: 'C', LANGUAGE: '', PATH: searchPath().join(delimiter) }
}

/** @returns the path of the program, or undefined where no directory on the path has it */
export function findProgram(name: string): string | undefined {
  return searchPath()
    .map((directory) => join(directory, name))
    .find(isExecutable)
}

/** The error for a program that is not there; its hint names the Debian package. */
export function programMissing(name: string): Error {
  const [, debian = name] = packages.find(([pattern]) => pattern.test(name)) ?? []
  return fail('TSNET_PROGRAM_MISSING', {
    message: `starting ${name}: no such program on the path`,
    value: name,
    hint: `apt-get install ${debian}`,
  })
}

/** What starting a program ended with means that there is none, or none that can be executed. */
export function isMissing(failure: object): boolean {
  return 'code' in failure && (failure.code === 'ENOENT' || failure.code === 'EACCES')
}

const missing: readonly number[] = [ENOENT, EACCES]

/**
 * Runs a program to its end.
 *
 * @returns its exit code, whatever it is, and its output
 * @throws TSNET_PROGRAM_MISSING (unavailable) if there is no such program
 * @throws TSNET_PROGRAM_FAILED (internal) if it was killed by a signal or by the time limit
 */
export async function run(
  argv: readonly [string, ...string[]],
  options: RunOptions = {},
): Promise<RunResult> {
  const { input = '', timeoutMs = defaultTimeoutMs, env = programEnvironment() } = options
  const [name] = argv
  const program = name.includes('/') ? name : findProgram(name)
  if (program === undefined) throw programMissing(name)
  const { spawnProgram } = await import('./spawn.ts')
  countSpawn()
  let ended: Ended
  try {
    ended = await spawnProgram({ program, argv, env, input, timeoutMs })
  } catch (error) {
    if (error instanceof SystemError && missing.includes(error.errno)) throw programMissing(name)
    throw error
  }
  const { exitCode, signal, timedOut, stdout, stderr } = ended
  if (exitCode !== undefined && !timedOut) return { exitCode, stdout, stderr }
  const reason = timedOut ? `no end after ${timeoutMs} ms` : `ended by signal ${signal}`
  throw fail('TSNET_PROGRAM_FAILED', { message: `running ${argv.join(' ')}: ${reason}` })
}

function searchPath(): string[] {
  const own = (process.env['PATH'] ?? '').split(delimiter).filter((directory) => directory.startsWith('/'))
  return [...new Set([...own, ...systemDirectories])]
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
