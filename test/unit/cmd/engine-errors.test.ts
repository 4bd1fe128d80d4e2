import { describe, expect, it } from 'vitest'
import { inWordsOfLine } from '../../../cmd/tsnet/fields.ts'
import { trace } from '../../../cmd/tsnet/trace.ts'
import { fail } from '../../../lib/index.ts'
import * as lib from '../../../lib/verbs.ts'
import { tsnet } from './command-line.ts'
import { web } from './records.ts'

describe('a path of the request in an error of the engine', () => {
  /** First two lines of what the engine's error reads as. */
  async function told(line: string, method: string, field: string, cause = 'no'): Promise<string> {
    const error = fail('TSNET_BAD_VALUE', { field, message: `reading ${field}: ${cause}` })
    const engine = {
      [method]: async () => {
        throw error
      },
      inspect: async () => web,
    }
    const files = { '-': '{"sandbox": "/run/netns/x"}' }
    return (await tsnet(line.split(' '), { engine, files })).stderr.trimEnd()
  }

  it('is the flag or argument that said so', async () => {
    const lines: readonly (readonly [line: string, method: string, path: string, written: string])[] = [
      ['network create x --subnet 10.9.0.0/24', 'createNetwork', 'subnets[0]', '--subnet'],
      ['network create x --subnet 10.9.0.0/24', 'createNetwork', 'subnets[0].gateway', '--gateway'],
      ['network create x --subnet 10.9.0.0/24', 'createNetwork', 'subnets[1].range', '--ip-range'],
      ['network create x --subnet 10.9.0.0/24', 'createNetwork', 'subnets[0].reserved', '--aux-address'],
      ['network create x -o bridge=y', 'createNetwork', 'options.bridge', '--opt bridge'],
      ['setup --pid 3 -p 80 -p 81', 'setup', 'publish[1]', '--publish'],
      ['setup --pid 3 -p 80', 'setup', 'publish[0].hostPort', '--publish'],
      ['plan --pid 3 --expose 80', 'plan', 'expose[0]', '--expose'],
      ['setup --pid 3 --network a --network a', 'setup', 'networks[1].network', '--network'],
      ['setup --pid 3 --network a --ip 10.0.0.2', 'setup', 'networks[0].ip', '--ip'],
      ['setup --pid 3 --network a:ip=10.0.0.2', 'setup', 'networks[0].ip', '--network ip'],
      ['setup --pid 3 --network a --link b:c', 'setup', 'links[0].alias', '--link'],
      ['setup --pid 3 --container-name a', 'setup', 'container.name', '--container-name'],
      ['setup --pid 3 --hosts /x', 'setup', 'resolver.hostsFile', '--hosts'],
      ['network connect a:ifname=b web', 'connect', 'networks[0].ifname', 'NETWORK ifname'],
      ['network connect a web --ifname b', 'connect', 'networks[0].ifname', '--ifname'],
      ['publish add web 80 81', 'publish', 'publish[1]', 'PORTS'],
      ['setup --config -', 'setup', 'publish[1]', 'publish[1]'],
      ['setup --pid 3 --dns 1.1.1.1', 'setup', 'dns', 'dns'],
    ]
    const answers = lines.map(async ([line, method, path]) => [line, await told(line, method, path)])
    expect(await Promise.all(answers)).toEqual(
      lines.map(([line, , , written]) => [line, `tsnet: reading ${written}: no\n  field: ${written}`]),
    )
    expect(
      await told(
        'setup --pid 3 --network a --ip 10.0.0.2',
        'setup',
        'networks[1].ip',
        'first in networks[0].ip',
      ),
    ).toBe('tsnet: reading --network ip: first in --ip\n  field: --network ip')
    expect(
      await told(
        'setup --pid 3 --hosts /srv/container.id/x',
        'setup',
        'resolver.hostsFile',
        '/srv/container.id/x',
      ),
    ).toBe('tsnet: reading --hosts: /srv/container.id/x\n  field: --hosts')
  })
})

describe('what the engine looked for and did not find', () => {
  it.each([
    ['inspect wep', 'inspect', 'container', 'wep', 'CONTAINER'],
    ['inspect --id wep', 'inspect', 'container', 'wep', '--id'],
    ['network rm a shpo', 'removeNetwork', 'name', 'shpo', 'NAME'],
    ['network inspect shpo', 'inspectNetwork', 'network', 'shpo', 'NAME'],
    ['setup --pid 3 --network shpo:ip=10.0.0.9', 'setup', 'network', 'shpo', '--network'],
    ['setup --network container:wep', 'setup', 'container', 'wep', '--network'],
    ['setup --pid 3 --container-name a --network a', 'setup', 'network', 'a', '--network'],
    ['publish add wep 80', 'publish', 'container', 'wep', 'CONTAINER'],
    ['teardown --all', 'list', 'container', 'wep', 'container'],
    ['setup --pid 3 --label stack=tsnet', 'setup', 'network', 'tsnet', 'network'],
    ['setup --pid 3 --container-name tsnet', 'setup', 'network', 'tsnet', 'network'],
    ['network connect a wep --alias a', 'connect', 'network', 'a', 'NETWORK'],
  ])('is called as it was typed: %s', async (line, method, field, value, written) => {
    const engine = {
      inspect: async () => web,
      [method]: async () => {
        throw fail('TSNET_NO_SUCH_CONTAINER', { message: 'no', field, value })
      },
    }
    const { stderr } = await tsnet([...line.split(' '), '--json'], { engine })
    expect((JSON.parse(stderr) as { error: { field: string } }).error.field).toBe(written)
  })
})

describe('an end of tsnet trace that is none', () => {
  it.each([
    ['container', 'wep', 'FROM'],
    ['target', 'db', 'TO'],
    ['container', 'dbx', 'TO'],
    ['target', 'db at its address', 'TO'],
  ])('is FROM or TO: %s %s', (field, value, written) => {
    const invocation = {
      args: ['wep', value === 'db' ? 'db' : 'dbx:80'],
      program: [],
      flags: {},
      globals: { json: false, verbose: false, quiet: false },
    }
    const error = fail('TSNET_BAD_VALUE', { message: 'no', field, value })
    expect(inWordsOfLine(error, trace, { invocation, lib })).toMatchObject({ field: written, value })
  })
})

describe('an error of the engine', () => {
  const broken = fail('TSNET_STEP_FAILED', {
    message: 'adding link web-1: the kernel says no',
    hint: 'run "tsnet gc"',
    cause: new Error('EINVAL'),
  })
  broken.undo.push(new Error('EBUSY'))
  const engine = {
    setup: async () => {
      throw broken
    },
    list: async () => {
      throw new TypeError('x is not a function')
    },
  }

  it('is printed with what could not be taken back', async () => {
    const { code, stderr } = await tsnet(['setup', '--pid', '3'], { engine })
    expect({ code, stderr: stderr.replace(/\n +at .*/g, '') }).toMatchInlineSnapshot(`
      {
        "code": 1,
        "stderr": "tsnet: adding link web-1: the kernel says no
        not taken back: Error: EBUSY
        hint: run "tsnet gc"
      ",
      }
    `)
  })

  it('is printed as JSON under --json', async () => {
    expect(await tsnet(['setup', '--pid', '3', '--json'], { engine })).toMatchObject({
      code: 1,
      stdout: '',
      stderr: `${JSON.stringify({ error: broken.toJSON() }, null, 2)}\n`,
    })
  })

  it('that nobody foresaw asks to be reported', async () => {
    const { code, stderr } = await tsnet(['ls'], { engine })
    expect({ code, stderr }).toMatchInlineSnapshot(`
      {
        "code": 1,
        "stderr": "tsnet: x is not a function
        hint: this is a fault of tsnet: please report it
      ",
      }
    `)
  })
})
