/**
 * Starts a program and waits for it. The home of execa.
 *
 * execa is loaded when the first process is really started: it costs 16 ms, and
 * with nftables no process is started at all. Input and output are files in
 * memory (memoryfile.ts). Everything runs under LC_ALL=C,
 * because the text of errors is read, and with the directories of system
 * programs on the path, because a user's shell or an engine may not have them.
 * Not responsible for what an exit code means: that is for the caller.
 *
 * @module
 */

import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fail } from '../errors/codes.ts'
import { closeStandardFiles, openStandardFiles, textOf } from './memoryfile.ts'

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
  const [program, ...args] = argv
  const timeoutMs = options.timeoutMs ?? defaultTimeoutMs
  const { execa } = await import('execa')
  countSpawn()
  const files = openStandardFiles(options.input ?? '')
  try {
    const result = await execa(program, args, {
      // execa's types know descriptors up to 9 only.
      stdin: files.stdin as 3,
      stdout: files.stdout as 3,
      stderr: files.stderr as 3,
      buffer: false,
      env: options.env ?? programEnvironment(),
      extendEnv: false,
      timeout: timeoutMs,
      reject: false,
      // A Ctrl-C is for us: what has begun is finished, or taken back in order.
      detached: true,
      cleanup: false,
    })
    if (isMissing(result)) throw programMissing(program)
    if (result.exitCode === undefined) {
      const reason = result.timedOut ? `no end after ${timeoutMs} ms` : (result.shortMessage ?? 'killed')
      throw fail('TSNET_PROGRAM_FAILED', {
        message: `running ${argv.join(' ')}: ${reason}`,
        cause: result.cause,
      })
    }
    return { exitCode: result.exitCode, stdout: textOf(files.stdout), stderr: textOf(files.stderr) }
  } finally {
    closeStandardFiles(files)
  }
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
