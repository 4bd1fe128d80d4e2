/**
 * What is compared: one way to attach a sandbox to a bridge with one published
 * TCP port, and to detach it.
 *
 * A contender lives in a throwaway host of its own, inside the runner's process.
 * Whatever it starts as a program is started by starter.ts, so that all pay the
 * same for it.
 *
 * @module
 */
import { spawnSync } from 'node:child_process'

/** A fresh sandbox: a process in an empty network namespace. */
export interface Box {
  /** Counted from 0 in its host: the published port is 20000 and this. */
  readonly number: number
  readonly pid: number
}

/** What one operation took. */
export interface Cost {
  readonly ms: number
  /** Processes started on the way, by the contender or what it started. Undefined: not known. */
  readonly processes?: number
}

export interface Contender {
  attach(box: Box): Promise<Cost>
  detach(box: Box): Promise<Cost>
  /** The same for many at once, where the contender can: what all took together. */
  readonly together?: {
    attach(boxes: readonly Box[]): Promise<Cost>
    detach(boxes: readonly Box[]): Promise<Cost>
  }
  close(): Promise<void>
}

/** Where things are, baked in by bench.ts. */
export interface Folders {
  /** The repository. */
  readonly root: string
  /** For files that are made while measuring. */
  readonly scratch: string
}

export type OpenContender = (folders: Folders) => Promise<Contender>

export const hostPortOf = (box: Box): number => 20_000 + box.number

const limitMs = 60_000
export const programPath = '/usr/sbin:/usr/bin:/sbin:/bin'

export interface ProgramOptions {
  readonly input?: string
  readonly env?: Readonly<Record<string, string>>
}

/** Runs a program to its end, for what is not measured. @throws Error with its output when it fails */
export function runProgram(argv: readonly [string, ...string[]], options: ProgramOptions = {}): string {
  const [program, ...args] = argv
  const result = spawnSync(program, args, {
    input: options.input ?? '',
    encoding: 'utf8',
    timeout: limitMs,
    env: { PATH: programPath, ...options.env },
  })
  if (result.status === 0) return result.stdout
  const why = result.error?.message ?? `exit code ${result.status ?? result.signal}`
  throw new Error(`${argv.join(' ')}: ${why}\n${result.stdout}\n${result.stderr}`)
}

export async function timed(work: () => unknown): Promise<Cost> {
  const before = performance.now()
  await work()
  return { ms: performance.now() - before }
}
