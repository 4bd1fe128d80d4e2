/**
 * The kernel contract on the real kernel, inside a throwaway host.
 *
 * @module
 */
import { beforeAll, describe, expect, it } from 'vitest'
import { createLab } from '../../netns-fixtures/lab.ts'
import { kernelContract } from '../contract/kernel.contract.ts'

const errors = new Map<string, string | undefined>()

beforeAll(async () => {
  await using lab = await createLab()
  const host = await lab.host('h1')
  const { stdout } = await host.node('test/netns/agents/contract.ts', { timeoutMs: 110_000 })
  for (const line of stdout.trim().split('\n')) {
    const { title, error = 'passed' } = JSON.parse(line) as {
      readonly title: string
      readonly error?: string
    }
    errors.set(title, error)
  }
})

describe('the real kernel', () => {
  it.each(kernelContract)('$title', ({ title }) => {
    expect(errors.get(title)).toBe('passed')
  })
})
