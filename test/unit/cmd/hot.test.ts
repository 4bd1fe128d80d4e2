import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { families } from '../../../cmd/tsnet/commands.ts'
import { hotFamilies, runHot } from '../../../cmd/tsnet/hot.ts'
import { parseArgv } from '../../../cmd/tsnet/parse.ts'

const hot = hotFamilies.flatMap(({ commands }) => commands)

describe('the program of the hot verbs', () => {
  const lines = [
    'setup --netns /proc/1/ns/net -p 8080:80 --json',
    '--json --state-dir /run/x setup --pid 4242 --network a:ip=10.0.0.2 --network b',
    'teardown --all -q',
    'teardown web db --firewall nftables',
    'ls -v',
    'port web 80/udp',
    'check --json web',
    'version',
    '--version',
  ]

  test.each(lines)('reads "%s" as the whole program does', (line) => {
    const words = line.split(' ')
    expect(parseArgv(words, hotFamilies)).toEqual(parseArgv(words, families))
  })

  const others = [
    '',
    '--help',
    'help',
    'setup --help',
    'ls -h',
    'network ls',
    'plan --pid 1',
    'setup --nonsense',
    'lss',
    'port a b c',
    'version more',
  ]

  test.each(others)('leaves "%s" to the whole program', async (line) => {
    const silent = { write: () => undefined, isTTY: false, columns: 80 }
    const io = { stdout: silent, stderr: silent, env: {}, read: async () => '' }
    const signals = { on: () => undefined, off: () => undefined }
    expect(await runHot(line === '' ? [] : line.split(' '), { io, signals })).toBeUndefined()
  })

  test('is started for its verbs, which the build has a list of', () => {
    const build = readFileSync(new URL('../../../.config/build.mjs', import.meta.url), 'utf8')
    const listed = /hot: \[(.*)\],/.exec(build)?.[1]?.replaceAll(/['\s]/g, '').split(',')
    expect(listed).toEqual(hot.map(({ path }) => path.join(' ')))
  })
})
