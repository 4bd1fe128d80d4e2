/**
 * Starts the kernel agent in a throwaway host and calls it.
 *
 * @module
 */
import { createRequire } from 'node:module'
import { type Place, repository } from '../../../netns-fixtures/place.ts'
import type { KernelCall } from './kernel.ts'

export interface KernelAgent {
  /** What the call returns, or `{ error }` with what it threw. */
  call<Value = unknown>(call: KernelCall, ...args: unknown[]): Promise<Value>
}

export function startKernelAgent(place: Place): KernelAgent {
  const loader = createRequire(import.meta.url).resolve('tsx')
  const file = 'test/netns/agents/kernel.ts'
  const agent = place.start([process.execPath, '--import', loader, file], { cwd: repository })
  let last = 0
  return {
    call: async <Value>(call: KernelCall, ...args: unknown[]) => {
      const id = ++last
      agent.write(`${JSON.stringify({ id, call, args })}\n`)
      // A hundred links are taken away one after the other, behind whoever changes links anywhere on the machine.
      const output = await agent.waitFor(new RegExp(`^answer ${id} .*\n`, 'm'), 90_000)
      const answer: unknown = JSON.parse(new RegExp(`^answer ${id} (.*)\n`, 'm').exec(output)?.[1] ?? '')
      return (
        typeof answer === 'object' && answer !== null && 'value' in answer ? answer.value : answer
      ) as Value
    },
  }
}
