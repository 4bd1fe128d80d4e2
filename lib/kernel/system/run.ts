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

import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fail } from '../../errors/codes.ts'
import { closeStandardFiles, openStandardFiles, textOf } from './memoryfile.ts'
import { unpreferProcess } from './priority.ts'

export interface RunOptions {
  /** Written to the program's standard input, which is closed after it; absent: empty. */
  readonly input?: string
  /** The program is killed after this time. Default 30 s. */
  readonly timeoutMs?: number
  /** Instead of {@link programEnvironment}: of somebody else's program. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /**
   * Descriptors the program inherits, as 3 and following: locks that must last until it ends, though we are killed.
   * Asked for when it is started: those of before may be closed by then.
   */
  readonly inherits?: () => readonly number[]
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
  [/^(nsenter|setpriv)$/, 'util-linux'],
  [/^ping$/, 'iputils-ping'],
  [/^dig$/, 'bind9-dnsutils'],
  [/^curl$/, 'curl'],
  [/^systemctl$/, 'systemd'],
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

/** Until when what the kernel announces of a process may still be of one we started. */
const started = new Map<number, number>()
/** A number is not given again so soon, and what is announced is read within it. */
const rememberMs = 5000

/** This process, or one it has started a moment ago: what it changes is no news. */
export function isOwnProcess(pid: number): boolean {
  return pid === process.pid || (started.get(pid) ?? 0) > performance.now()
}

function remember(pid: number | undefined): void {
  const now = performance.now()
  for (const [other, until] of started) {
    if (until > now) break
    started.delete(other)
  }
  if (pid === undefined) return
  // At the end of the map, which is in the order of time.
  started.delete(pid)
  started.set(pid, now + rememberMs)
}

/** Of our environment: what programs of the system look at. Secrets of an engine, LD_PRELOAD and the like stay with us. */
const passedOn = ['HOME', 'TERM', 'TMPDIR', 'XTABLES_LOCKFILE', 'DBUS_SYSTEM_BUS_ADDRESS']

/** The environment programs get: little of ours, in the C locale, our PATH with the system's directories behind it. */
export function programEnvironment(): Record<string, string | undefined> {
  const ours = passedOn.flatMap((name): [string, string][] => {
    const value = process.env[name]
    return value === undefined ? [] : [[name, value]]
  })
  return { ...Object.fromEntries(ours), LC_ALL: 'C', LANGUAGE: '', PATH: searchPath().join(delimiter) }
}

/** @returns the path of the program, or undefined where none of the folders (of the path, if none are given) has it */
export function findProgram(name: string, folders: readonly string[] = searchPath()): string | undefined {
  return folders.map((directory) => join(directory, name)).find(isExecutable)
}

/** The error for a program that is not there, or a file that is none; its hint names the Debian package where we know it. */
export function programMissing(name: string): Error {
  const isPath = name.includes('/')
  const why = isPath
    ? existsSync(name)
      ? 'it is no file that can be executed'
      : 'there is no such file'
    : 'no such program on the path'
  const [, debian] = packages.find(([pattern]) => pattern.test(name)) ?? []
  const otherwise = isPath
    ? 'give the path of an executable file; a shell is that of SHELL'
    : 'look at its spelling, or install what has it'
  return fail('TSNET_PROGRAM_MISSING', {
    message: `starting ${name}: ${why}`,
    value: name,
    hint: debian === undefined ? otherwise : `apt-get install ${debian}`,
  })
}

/** The path of what somebody wants started: a name on the path, or a path. @throws TSNET_PROGRAM_MISSING (unavailable) */
export function programPath(name: string): string {
  if (!name.includes('/')) {
    const path = findProgram(name)
    if (path === undefined) throw programMissing(name)
    return path
  }
  // Of a folder the permission means that it can be entered.
  if (!isExecutable(name) || !statSync(name).isFile()) throw programMissing(name)
  return name
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
    const running = execa(program, args, {
      // execa's types know descriptors up to 9 only.
      stdio: [files.stdin, files.stdout, files.stderr, ...(options.inherits?.() ?? [])] as [3, 3, 3, ...3[]],
      buffer: false,
      env: options.env ?? programEnvironment(),
      extendEnv: false,
      timeout: timeoutMs,
      reject: false,
      // A Ctrl-C is for us: what has begun is finished, or taken back in order.
      detached: true,
      cleanup: false,
    })
    const { pid } = running
    remember(pid)
    // Somebody else's program: tsnetd's place before others is not its own.
    if (options.env !== undefined && pid !== undefined) unpreferProcess(pid)
    const result = await running
    remember(pid)
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
