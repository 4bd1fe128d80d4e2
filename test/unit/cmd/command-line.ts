/**
 * A command line without a process: argv in, exit code and texts out, and what
 * the engine was asked for. The engine is a stand-in that answers what the test
 * hands it; everything before and behind it is the real thing.
 */
import { expect } from 'vitest'
import type { Io, Output } from '../../../cmd/tsnet/io.ts'
import { run } from '../../../cmd/tsnet/run.ts'
import type { Engine, EngineOptions } from '../../../lib/index.ts'

export interface Given {
  /** Answers of the engine by method; a method without an answer rejects. */
  readonly engine?: Partial<Engine>
  /** Files by path; `-` is standard input. */
  readonly files?: Readonly<Record<string, string>>
  readonly env?: Readonly<Record<string, string>>
  /** What the engine has to warn of when it is opened. */
  readonly warning?: string
  /** Width of a terminal both streams are connected to; absent: a pipe. */
  readonly terminal?: number
}

export interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  /** `[method, ...arguments]` of every call of the engine. */
  readonly calls: readonly (readonly unknown[])[]
  /** What the engine was opened with, but for where it warns; undefined where it was not. */
  readonly opened: EngineOptions | undefined
}

export async function tsnet(argv: readonly string[], given: Given = {}): Promise<Outcome> {
  const stdout = recorder(given.terminal)
  const stderr = recorder(given.terminal)
  const calls: (readonly unknown[])[] = []
  let opened: EngineOptions | undefined
  const io: Io = {
    stdout,
    stderr,
    env: { NO_COLOR: '1', ...given.env },
    read: async (path) => {
      const text = given.files?.[path]
      if (text === undefined) throw new Error(`ENOENT: no such file or directory, open '${path}'`)
      return text
    },
  }
  const code = await run(argv, {
    io,
    signals: { on: () => undefined, off: () => undefined },
    openEngine: async (options) => {
      const { onWarning: warns, ...chosen } = options
      opened = chosen
      if (given.warning !== undefined) warns?.(given.warning)
      return recordingEngine(given.engine ?? {}, calls)
    },
  })
  return { code, stdout: stdout.text(), stderr: stderr.text(), calls, opened }
}

/** What a person sees of a wrong command line, and the exit code behind it. The engine must not be opened. */
export async function mistake(line: string, given: Given = {}): Promise<string> {
  const { code, stdout, stderr, opened } = await tsnet(line === '' ? [] : line.split(' '), given)
  expect({ stdout, opened }).toEqual({ stdout: '', opened: undefined })
  return `\n${stderr}exit ${code}\n`
}

function recordingEngine(answers: Partial<Engine>, calls: (readonly unknown[])[]): Engine {
  const get = (_: unknown, name: string): unknown => {
    if (name === 'then') return undefined
    return async (...args: unknown[]) => {
      if (name === 'close') return
      calls.push([name, ...args.filter((arg) => !isSignalOption(arg))])
      const answer = answers[name as keyof Engine] as ((...args: unknown[]) => unknown) | undefined
      if (answer === undefined) throw new Error(`the test gave no answer to ${name}`)
      return answer(...args)
    }
  }
  return new Proxy({}, { get }) as Engine
}

function isSignalOption(arg: unknown): boolean {
  return typeof arg === 'object' && arg !== null && 'signal' in arg
}

function recorder(width: number | undefined): Output & { text(): string } {
  let text = ''
  return {
    write: (part) => {
      text += part
    },
    isTTY: width !== undefined,
    columns: width ?? 80,
    text: () => text,
  }
}
