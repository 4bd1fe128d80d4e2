/**
 * The engine contract on real hosts: in the caller's process and at the daemon.
 *
 * @module
 */
import { beforeAll, describe, expect, it } from 'vitest'
import { createLab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { engineContract } from '../contract/engine.contract.ts'

needs('root', 'ip', 'nft', 'veth', 'bridge', 'built')

describe.each(['local', 'daemon'])('an engine opened with via: %s', (via) => {
  const errors = new Map<string, string | undefined>()

  beforeAll(async () => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    const { stdout } = await host.node('test/netns/agents/engine.ts', via, { timeoutMs: 110_000 })
    for (const line of stdout.trim().split('\n')) {
      const { title, error = 'passed' } = JSON.parse(line) as {
        readonly title: string
        readonly error?: string
      }
      errors.set(title, error)
    }
  })

  it.each(engineContract)('$title', ({ title }) => {
    expect(errors.get(title)).toBe('passed')
  })
})
