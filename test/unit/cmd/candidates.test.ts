/**
 * What Tab offers, of commands, flags and the names of a host.
 */
import { describe, expect, it } from 'vitest'
import { candidatesFor } from '../../../cmd/tsnet/candidates.ts'
import { families } from '../../../cmd/tsnet/commands.ts'
import { logLevels } from '../../../lib/daemon/log.ts'
import { eventKinds } from '../../../lib/index.ts'

const known = { containers: async () => ['web', 'db'], networks: async () => ['shop'] }

async function offered(line: string): Promise<readonly string[]> {
  return (await candidatesFor(line.split(' '), families, known)).map(({ word }) => word)
}

describe('completion', () => {
  it.each([
    ['network connect --alias front ', ['shop']],
    ['network connect --alias front shop ', ['web', 'db']],
    ['network rm shop ', ['shop']],
    ['network create ', []],
    ['trace ', ['web', 'db']],
    ['trace web ', ['web', 'db']],
    ['ping web d', ['db']],
    ['dns route --container ', ['web', 'db']],
    ['dns route x=10.0.0.1 --network ', ['shop']],
    ['--firewall n', ['nftables', 'none']],
    ['completion ', ['bash', 'zsh', 'fish']],
    ['help network in', ['inspect']],
  ])('of "%s" is %j', async (line, words) => {
    expect(await offered(line)).toEqual(words)
  })

  it('offers every level and kind there is', async () => {
    expect(await offered('daemon run --log-level ')).toEqual(logLevels)
    expect(await offered('events --only ')).toEqual(eventKinds)
  })

  it('leaves paths and templates to the shell', async () => {
    const lines = ['inspect -f ', 'setup --config ', 'setup --netns ', 'capture web --write ']
    expect(await Promise.all(lines.map(offered))).toEqual([[], [], [], []])
  })
})
