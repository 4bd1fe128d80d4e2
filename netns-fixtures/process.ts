/**
 * Child processes of the fixtures, run to their end or kept in the background.
 *
 * Every child leads its own process group, so that a timeout kills what it
 * started too, and asks the kernel for SIGKILL when we die (PR_SET_PDEATHSIG
 * through setpriv), so that a killed test worker leaves nothing running. Does
 * not know about namespaces: callers pass an argv that enters them.
 *
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { constants } from 'node:os'

/** How to run one command. */
export interface RunOptions {
  /** Text for standard input, which is empty without it. */
  readonly stdin?: string
  /** Added to the environment; `undefined` takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Folder to run in; `/` without it, because entering a mount namespace loses the caller's. */
  readonly cwd?: string
  /** Milliseconds until the command and its children are killed and the call throws. Default 30 000. */
  readonly timeoutMs?: number
  /** The exit code that counts as success, or `'any'` to get them all. Default 0. */
  readonly expectExit?: number | 'any'
}

/** What a finished command left. A command ended by signal N has exit code 128 + N, as in a shell. */
export interface RunResult {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** Why a command counts as failed, before the caller adds what it knows about the place. */
export class CommandFailure extends Error {
  readonly result: RunResult

  constructor(argv: readonly string[], why: string, result: RunResult) {
    super(
      [
        `${argv.map(quoted).join(' ')}: ${why}`,
        `stdout: ${cut(result.stdout) || '(empty)'}`,
        `stderr: ${cut(result.stderr) || '(empty)'}`,
      ].join('\n'),
    )
    this.name = 'CommandFailure'
    this.result = result
  }
}

/** A process that runs until it is stopped. */
export interface Background {
  readonly pid: number
  /** Its exit code, once it ends. */
  readonly exited: Promise<number>
  /** Everything it has printed so far, both streams in the order of arrival. */
  output(): string
  /** Writes to its standard input. */
  write(text: string): void
  /**
   * Waits until the output contains `text` and returns the output.
   *
   * @param timeoutMs milliseconds, default 60 000
   * @throws Error with the output so far, when the time is over or the process has ended without it
   */
  waitFor(text: string | RegExp, timeoutMs?: number): Promise<string>
  /** SIGTERM to its group, SIGKILL after thirty seconds, which is as long as tsnetd lets calls end; returns the exit code. Repeatable. */
  stop(): Promise<number>
}

/** `text` without its middle when it is longer than `limit` characters. */
export function cut(text: string, limit = 4000): string {
  const trimmed = text.trimEnd()
  if (trimmed.length <= limit) return trimmed
  const half = Math.floor(limit / 2)
  return `${trimmed.slice(0, half)}\n… ${trimmed.length - limit} characters left out …\n${trimmed.slice(-half)}`
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}

/**
 * The environment of every fixture process: ours, without what would change
 * tsnet's answers (TSNET_*) or the behaviour of a Node child (NODE_OPTIONS,
 * VITEST*), and with the sbin folders that a plain user's PATH lacks.
 *
 * NODE_EXTRA_CA_CERTS names a file of authorities that Node 20 reads at every
 * start, 100 ms and more for a system's own: whoever needs it gives it as `env`.
 */
function environment(extra: RunOptions['env'] = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => name === 'TSNET_LAB_RUN' || !/^(TSNET_|VITEST|NODE_(OPTIONS|ENV|EXTRA_CA_CERTS)$)/.test(name),
  )
  const env: NodeJS.ProcessEnv = Object.fromEntries(kept)
  env['PATH'] = [process.env['PATH'], '/usr/sbin', '/sbin', '/usr/bin', '/bin'].filter(Boolean).join(':')
  for (const [name, value] of Object.entries(extra)) {
    if (value === undefined) delete env[name]
    else env[name] = value
  }
  return env
}

/** Starts `argv` with pipes on all three streams, in its own process group, killed when we die. */
export function spawnChild(argv: readonly string[], options: Pick<RunOptions, 'env'> = {}): ChildProcess {
  return spawnSurvivor(['setpriv', '--pdeathsig', 'KILL', ...argv], options)
}

/** The same for a program that has something to do when we die, which it learns from its standard input. */
export function spawnSurvivor(argv: readonly string[], options: Pick<RunOptions, 'env'> = {}): ChildProcess {
  const [program = '', ...rest] = argv
  return spawn(program, rest, { detached: true, stdio: 'pipe', env: environment(options.env) })
}

/**
 * SIGKILL or another signal to the group that `child` leads; a group that is gone is no error. Its number may have been
 * given to somebody else since then, in minutes where many tests run: as long as anybody is left in a group it is not.
 *
 * @internal
 */
export function signalGroup(
  child: Pick<ChildProcess, 'pid' | 'exitCode' | 'signalCode'>,
  signal: NodeJS.Signals,
): void {
  if (child.pid === undefined) return
  const hasEnded = child.exitCode !== null || child.signalCode !== null
  if (hasEnded && existsSync(`/proc/${child.pid}`)) return
  try {
    process.kill(-child.pid, signal)
  } catch {
    // ESRCH: it ended by itself.
  }
}

/** Resolves with the exit code once the process has ended and its output is complete. */
function ended(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve(code ?? 128 + signalNumber(signal)))
  })
}

function signalNumber(signal: NodeJS.Signals | null): number {
  return signal === null ? 0 : constants.signals[signal]
}

/**
 * Runs `argv` to its end.
 *
 * @param shown the command as the caller knows it, for messages
 * @throws CommandFailure on another exit code than expected, or when the time is over
 */
export async function runToEnd(
  argv: readonly string[],
  options: RunOptions = {},
  shown: readonly string[] = argv,
): Promise<RunResult> {
  const timeoutMs = options.timeoutMs ?? 30_000
  const expected = options.expectExit ?? 0
  const child = spawnChild(argv, options)
  const stdout: Buffer[] = []
  const stderr: Buffer[] = []
  child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk))
  child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk))
  // EPIPE: a command that does not read its input is free to end before we have written it.
  child.stdin?.on('error', () => {})
  child.stdin?.end(options.stdin ?? '')

  let late = false
  const timer = setTimeout(() => {
    late = true
    signalGroup(child, 'SIGKILL')
    // A grandchild in another session would hold the pipes, and with them `close`, open for ever.
    child.stdout?.destroy()
    child.stderr?.destroy()
  }, timeoutMs)
  const exitCode = await ended(child).finally(() => clearTimeout(timer))
  const result = {
    exitCode,
    stdout: Buffer.concat(stdout).toString(),
    stderr: Buffer.concat(stderr).toString(),
  }
  if (late) throw new CommandFailure(shown, `not done after ${timeoutMs} ms`, result)
  if (expected !== 'any' && exitCode !== expected) {
    throw new CommandFailure(shown, `exit code ${exitCode}, expected ${expected}`, result)
  }
  return result
}

/** Starts `argv` and keeps it running; the caller stops it. */
export function startInBackground(
  argv: readonly string[],
  options: Pick<RunOptions, 'env'> = {},
  shown: readonly string[] = argv,
): Background {
  const child = spawnChild(argv, options)
  const watchers = new Set<() => void>()
  let text = ''
  let over: number | undefined
  const add = (chunk: Buffer): void => {
    text += chunk.toString()
    for (const look of watchers) look()
  }
  child.stdout?.on('data', add)
  child.stderr?.on('data', add)
  child.stdin?.on('error', () => {})
  const exited = ended(child).then((code) => {
    over = code
    for (const look of watchers) look()
    return code
  })
  exited.catch(() => {})

  return {
    pid: child.pid ?? -1,
    exited,
    output: () => text,
    write: (input) => void child.stdin?.write(input),
    waitFor: (wanted, timeoutMs = 60_000) =>
      new Promise((resolve, reject) => {
        const failed = (why: string): Error =>
          new CommandFailure(shown, `${why} without printing ${wanted}`, {
            exitCode: over ?? -1,
            stdout: text,
            stderr: '',
          })
        const done = (finish: () => void): void => {
          clearTimeout(timer)
          watchers.delete(look)
          finish()
        }
        const look = (): void => {
          if (typeof wanted === 'string' ? text.includes(wanted) : wanted.test(text))
            done(() => resolve(text))
          else if (over !== undefined) done(() => reject(failed(`ended with exit code ${over}`)))
        }
        const timer = setTimeout(() => done(() => reject(failed(`waited ${timeoutMs} ms`))), timeoutMs)
        watchers.add(look)
        look()
      }),
    stop: async () => {
      signalGroup(child, 'SIGTERM')
      const timer = setTimeout(() => signalGroup(child, 'SIGKILL'), 30_000)
      return await exited.finally(() => clearTimeout(timer))
    },
  }
}
