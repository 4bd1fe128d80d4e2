/**
 * Many commands at the same time: nobody waits for ever, nobody is given what
 * another has, and nothing is left.
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ContainerNetwork } from '../../lib/model/attachment.ts'
import type { Container, Host } from '../../netns-fixtures/host.ts'
import { createLab, type Lab } from '../../netns-fixtures/lab.ts'
import type { RunResult } from '../../netns-fixtures/process.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { layStreet, leavesNothing } from './traceless.ts'

let lab: Lab
let host: Host

beforeEach(async () => {
  needs('root', 'ip', 'nft', 'iptables-nft', 'veth', 'bridge', 'ipv6')
  lab = await createLab()
  host = (await layStreet(lab)).host
})

afterEach(async () => {
  await lab?.dispose()
})

const many = async (count: number): Promise<readonly Container[]> => {
  const boxes = []
  for (let i = 0; i < count; i++) boxes.push(await host.container())
  return boxes
}

/** Ends with whatever exit code, but ends. */
const tsnet = (...words: string[]): Promise<RunResult> =>
  host.tsnet(...words, { expectExit: 'any', timeoutMs: 50_000 })

describe.each(['nftables', 'iptables'])('with %s', (firewall) => {
  it('twenty setups at once all succeed, and twenty teardowns leave nothing', async () => {
    const boxes = await many(20)
    await leavesNothing(host, async () => {
      const answers = await Promise.all(
        boxes.map((box, i) =>
          host.tsnetJson<ContainerNetwork>(
            ...[
              'setup',
              '--netns',
              box.netns,
              '--id',
              `c${i}`,
              '-p',
              `${8000 + i}:80`,
              '--firewall',
              firewall,
            ],
            { timeoutMs: 50_000 },
          ),
        ),
      )
      const addresses = answers.flatMap(({ attachments }) => attachments.flatMap((one) => one.addresses))
      expect(new Set(addresses).size).toBe(40)
      expect(await host.tsnetJson('check', { timeoutMs: 30_000 })).toEqual([])
      await boxes[7]?.serve.tcp(80)
      expect(await host.probe.tcp('127.0.0.1', 8007)).toBe('reached')
      const ends = await Promise.all(boxes.map((_, i) => tsnet('teardown', `c${i}`)))
      expect(ends.map(({ exitCode }) => exitCode)).toEqual(boxes.map(() => 0))
    })
  })

  it('setups and teardowns of the same containers race, and what is there in the end is whole', async () => {
    const boxes = await many(4)
    await leavesNothing(host, async () => {
      const ends = await Promise.all(
        [...boxes, ...boxes, ...boxes].flatMap((box, i) => {
          const id = `c${i % boxes.length}`
          const words = ['--netns', box.netns, '--id', id, '-p', `${8000 + (i % boxes.length)}:80`]
          return [tsnet('setup', ...words, '--firewall', firewall), tsnet('teardown', id)]
        }),
      )
      expect(ends.filter(({ exitCode }) => exitCode !== 0).map(({ stderr }) => stderr)).toEqual([])
      expect(await host.tsnetJson('check', { timeoutMs: 30_000 })).toEqual([])
      for (const [i] of boxes.entries()) await tsnet('teardown', `c${i}`)
    })
  })
})

it('one port for ten containers goes to exactly one of them', async () => {
  const boxes = await many(10)
  await leavesNothing(host, async () => {
    const ends = await Promise.all(
      boxes.map((box, i) =>
        tsnet('setup', '--netns', box.netns, '--id', `c${i}`, '-p', '8080:80', '--firewall', 'nftables'),
      ),
    )
    expect(ends.map(({ exitCode }) => exitCode).sort()).toEqual([0, ...Array.from({ length: 9 }, () => 4)])
    const told = ends.filter(({ exitCode }) => exitCode === 4).map(({ stderr }) => stderr.split('\n')[0])
    expect(new Set(told.map((line) => line?.replace(/c\d/, 'cN')))).toEqual(
      new Set(['tsnet: publishing 8080/tcp: held by container cN']),
    )
    expect(await host.tsnetJson<unknown[]>('ls')).toHaveLength(1)
    for (const [i] of boxes.entries()) await tsnet('teardown', `c${i}`)
  })
})

it('one name and one id for five containers go to exactly one of them', async () => {
  const boxes = await many(5)
  await leavesNothing(host, async () => {
    for (const words of [
      ['--container-name', 'web'],
      ['--id', 'web'],
    ]) {
      const ends = await Promise.all(
        boxes.map((box) => tsnet('setup', '--netns', box.netns, ...words, '--firewall', 'nftables')),
      )
      expect(ends.map(({ exitCode }) => exitCode).sort()).toEqual([0, 4, 4, 4, 4])
      for (const box of boxes) await tsnet('teardown', '--netns', box.netns)
    }
  })
})

it('networks come and go under setups: each works, or says that there is no such network', async () => {
  const boxes = await many(8)
  await leavesNothing(host, async () => {
    const create = (): Promise<RunResult> => tsnet('network', 'create', 'shop', '--firewall', 'nftables')
    const remove = (): Promise<RunResult> => tsnet('network', 'rm', 'shop')
    const ends = await Promise.all([
      create(),
      ...boxes.flatMap((box, i) => [
        tsnet('setup', '--netns', box.netns, '--id', `c${i}`, '--network', 'shop', '--firewall', 'nftables'),
        i % 2 === 0 ? remove() : create(),
        tsnet('network', 'ls'),
        tsnet('gc'),
      ]),
    ])
    // Done; no such network; somebody is on it, or it is there already.
    expect(ends.filter(({ exitCode }) => ![0, 3, 4].includes(exitCode)).map(({ stderr }) => stderr)).toEqual(
      [],
    )
    expect(await host.tsnetJson('check', { timeoutMs: 30_000 })).toEqual([])
    for (const [i] of boxes.entries()) await tsnet('teardown', `c${i}`)
    await remove()
  })
})

it.each([
  ['a port', ['-p', '8080:80']],
  ['a name', ['--container-name', 'web']],
  ['an address', ['--ip', '10.89.0.77']],
])('%s of a dead container that somebody else takes down just now is waited for', async (_what, wish) => {
  const [old, young] = [await host.container(), await host.container()]
  await leavesNothing(host, async () => {
    const flags = [...wish, '--firewall', 'nftables']
    const { attachments } = await host.tsnetJson<ContainerNetwork>(
      ...['setup', '--netns', old.netns, '--id', 'old', ...flags],
    )
    await old.kill()
    await host.waitForLinkGone(attachments[0]?.hostIfname ?? '')
    const lock = '/run/tsnet/locks/container-old'
    const holder = host.start(['flock', lock, 'sh', '-c', 'echo held; read end'])
    await holder.waitFor('held')
    const setup = tsnet('setup', '--netns', young.netns, '--id', 'young', ...flags)
    // It is there by now, or has failed.
    await Promise.race([setup, sleep(1000)])
    holder.write('go on\n')
    expect(await setup).toMatchObject({ exitCode: 0, stderr: '' })
    expect(await host.tsnetJson('check')).toEqual([])
    await tsnet('teardown', 'young')
  })
})

it('a command that waits says for whom, and ends in time', async () => {
  const [box] = await many(1)
  await host.sh('mkdir -p /run/tsnet/locks; touch /run/tsnet/locks/host')
  const holder = host.start(['flock', '-x', '/run/tsnet/locks/host', 'sleep', '60'])
  try {
    // Other files' hosts have locks too: this one is asked for itself.
    await host.sh('while flock -n /run/tsnet/locks/host true; do sleep 0.02; done')
    const agent = await host.node('test/netns/agents/waits.ts', box?.netns ?? '')
    expect(agent.stdout.replaceAll(/\d+ \(flock/g, 'PID (flock')).toMatchInlineSnapshot(`
      "TSNET_LOCK_TIMEOUT
      locking /run/tsnet/locks/host: still held by PID (flock -x /run/tsnet/locks/host sleep 60) after 500 ms
      another tsnet command is running: try again when it is done
      retryable true
      "
    `)
  } finally {
    await holder.stop()
  }
})
