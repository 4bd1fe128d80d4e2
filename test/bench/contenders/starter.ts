/**
 * Programs that are measured are started by starter.c, kept running: at the cost
 * a runtime has for it, and many at once.
 *
 * @module
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { type Folders, type ProgramOptions, programPath, runProgram } from './contender.ts'

export interface Command extends ProgramOptions {
  /** The program by its path. */
  readonly argv: readonly [string, ...string[]]
}

export interface Ended {
  /** From its start to its end. */
  readonly ms: number
  readonly output: string
}

export interface Starter {
  /** Starts all before the first is waited for. @throws Error with the output of the first that fails */
  all(commands: readonly Command[]): Promise<{ readonly ms: number; readonly each: readonly Ended[] }>
  one(command: Command): Promise<Ended>
  close(): void
}

/** Compiles it. @throws Error with the compiler's words */
export function compileStarter({ root, scratch }: Folders): void {
  runProgram(['gcc', '-O2', '-Wall', '-o', `${scratch}/starter`, `${root}/test/bench/starter.c`])
}

export function openStarter({ scratch }: Pick<Folders, 'scratch'>): Starter {
  const child = spawn(`${scratch}/starter`, { stdio: ['pipe', 'pipe', 'inherit'] })
  const reader = readerOf(child)
  const all: Starter['all'] = async (commands) => {
    child.stdin.write(Buffer.concat([Buffer.from(`${commands.length}\n`), ...commands.map(encode)]))
    const ms = Number(await reader.line()) / 1000
    const each: Ended[] = []
    const failed: string[] = []
    for (const { argv } of commands) {
      const [status = '', micros = '', bytes = ''] = (await reader.line()).split(' ')
      const output = await reader.bytes(Number(bytes))
      each.push({ ms: Number(micros) / 1000, output })
      if (status !== '0') failed.push(`${argv.join(' ')}: wait status ${status}\n${output}`)
    }
    if (failed[0] !== undefined)
      throw new Error(`${failed.length} of ${commands.length} failed: ${failed[0]}`)
    return { ms, each }
  }
  return {
    all,
    one: async (command) => {
      const { each } = await all([command])
      return each[0] as Ended
    },
    close: () => void child.kill(),
  }
}

function encode({ argv, env, input = '' }: Command): Buffer {
  const variables = Object.entries({ PATH: programPath, ...env }).map(([name, value]) => `${name}=${value}`)
  const bytes = Buffer.from(input)
  const strings = [...argv, ...variables].map((text) => `${text}\0`).join('')
  return Buffer.concat([Buffer.from(`${argv.length} ${variables.length} ${bytes.length}\n${strings}`), bytes])
}

function readerOf({ stdout }: ChildProcessByStdio<Writable, Readable, null>) {
  const chunks = stdout[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  let held: Buffer = Buffer.alloc(0)
  const more = async (): Promise<void> => {
    const { value, done } = await chunks.next()
    if (done === true) throw new Error('starter ended')
    held = Buffer.concat([held, value])
  }
  const take = (count: number): string => {
    const text = held.subarray(0, count).toString()
    held = held.subarray(count)
    return text
  }
  return {
    line: async (): Promise<string> => {
      while (!held.includes(10)) await more()
      return take(held.indexOf(10) + 1).trimEnd()
    },
    bytes: async (count: number): Promise<string> => {
      while (held.length < count) await more()
      return take(count)
    },
  }
}
