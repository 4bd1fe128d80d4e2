/**
 * Starts the rules agent in a throwaway host and calls it.
 *
 * @module
 */
import { createRequire } from 'node:module'
import { type Place, repository } from '../../../netns-fixtures/place.ts'
import type { RulesCall } from './rules.ts'

export interface RulesAgent {
  readonly pid: number
  /** @throws Error with the fields of the tsnet error: code, message, hint, … */
  call<Value = unknown>(call: RulesCall, ...args: unknown[]): Promise<Value>
  /** The tsnet error a call ends with, as its JSON. */
  errorOf(
    call: RulesCall,
    ...args: unknown[]
  ): Promise<{ readonly code: string; readonly message: string; readonly hint?: string }>
  kill(): Promise<void>
}

interface Answer {
  readonly value?: unknown
  readonly error?: { readonly code: string; readonly message: string; readonly hint?: string }
}

/** @param wrapper words of a command line that starts the agent, such as `setpriv …` */
export function startRulesAgent(place: Place, wrapper: readonly string[] = []): RulesAgent {
  const loader = createRequire(import.meta.url).resolve('tsx')
  const file = 'test/netns/agents/rules.ts'
  const agent = place.start([...wrapper, process.execPath, '--import', loader, file], { cwd: repository })
  let last = 0
  const ask = async (call: RulesCall, args: readonly unknown[]): Promise<Answer> => {
    const id = ++last
    agent.write(`${JSON.stringify({ id, call, args })}\n`)
    // Longer than a restore program has, which may wait for its turn first.
    const output = await agent.waitFor(new RegExp(`^answer ${id} .*\n`, 'm'), 90_000)
    return JSON.parse(new RegExp(`^answer ${id} (.*)\n`, 'm').exec(output)?.[1] ?? '') as Answer
  }
  return {
    pid: agent.pid,
    call: async <Value>(call: RulesCall, ...args: unknown[]) => {
      const { value, error } = await ask(call, args)
      if (error !== undefined) throw Object.assign(new Error(`${call}: ${error.message}`), error)
      return value as Value
    },
    errorOf: async (call, ...args) => {
      const { value, error } = await ask(call, args)
      if (error === undefined) throw new Error(`${call}: no error but ${JSON.stringify(value)}`)
      return error
    },
    kill: async () => {
      process.kill(agent.pid, 'SIGKILL')
      await agent.exited
    },
  }
}
