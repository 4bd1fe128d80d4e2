/**
 * Hosts that cannot be written to: a full disk, a read-only /run, a read-only
 * /proc/sys. One clear error, and nothing half done.
 *
 * @module
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Host } from '../../netns-fixtures/host.ts'
import { createLab, type Lab } from '../../netns-fixtures/lab.ts'
import { repository } from '../../netns-fixtures/place.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { differences, layStreet, leavesNothing } from './traceless.ts'

let lab: Lab
let host: Host

beforeAll(async () => {
  needs('root', 'ip', 'nft', 'iptables-nft', 'veth', 'bridge')
  lab = await createLab()
  host = (await layStreet(lab)).host
})

afterAll(() => lab?.dispose())

const backends = [
  // Where in a set-up room ends is the same for both, so the second tries fewer.
  { backend: 'nftables', fillings: [0, 1, 2, 3, 4, 6, 8, 12] },
  { backend: 'iptables', fillings: [0, 2, 6] },
]

describe.each(backends)('with $backend, a state folder on a disk that is full', ({ backend, fillings }) => {
  const env = { TSNET_FIREWALL: backend }

  it.each(fillings)('but for %i pages: set up whole, or refused and nothing left', async (pages) => {
    await host.sh('mkdir /run/small; mount -t tmpfs -o size=256k tmpfs /run/small')
    const box = await lab.container(host)
    const inside = ['--state-dir', '/run/small/state']
    const refused: string[] = []
    await leavesNothing(host, async () => {
      await host.sh(`head -c ${256 * 1024 - pages * 4096} /dev/zero > /run/small/filler`)
      const words = [...inside, 'setup', '--netns', box.netns, '-p', '8080:80']
      const changed = await differences(host, async () => {
        const { exitCode, stderr } = await host.tsnet(...words, { env, expectExit: 'any' })
        if (exitCode !== 0) refused.push(stderr)
        // A teardown needs room as little as it can: what has been set up goes.
        else await host.tsnet(...inside, 'teardown', '--netns', box.netns, { env })
      })
      expect(changed).toEqual([])
      await host.sh('rm /run/small/filler')
      await host.tsnet(...inside, 'gc', { env })
      await host.tsnet(...words, { env })
      await host.tsnet(...inside, 'teardown', '--netns', box.netns, { env })
      expect((await host.run(['find', '/run/small', '-type', 'f'])).stdout).toBe('')
    })
    for (const text of refused)
      expect(text).toMatch(/(?:ENOSPC|[Nn]o space left)[\s\S]*hint: make room there/)
    if (pages === 0) expect(refused).toHaveLength(1)
    await host.sh('until umount /run/small 2>/dev/null; do sleep 0.02; done; rmdir /run/small')
  })
})

describe.each(backends)('with $backend, a host that lets nothing be written', ({ backend }) => {
  const env = { TSNET_FIREWALL: backend }

  it.each([
    [
      '/run',
      // Who was told to end a moment ago may have a file open there.
      'until mount -o remount,ro /run 2>/dev/null; do sleep 0.02; done',
      'mount -o remount,rw /run',
      /^tsnet: .*\/run\/tsnet.*EROFS[\s\S]*hint: make its file system writable/,
    ],
    [
      '/proc/sys',
      'mount --bind /proc/sys /proc/sys; mount -o remount,ro,bind /proc/sys',
      'umount /proc/sys',
      /setting sysctl net\/\S+ to \S+: EROFS.*\n.*a writable \/proc\/sys/,
    ],
  ])('in %s: one error that says so, and nothing is changed', async (_place, close, open, says) => {
    const box = await lab.container(host)
    const words = ['setup', '--netns', box.netns, '-p', '8080:80'] as const
    await host.sh(close)
    const changed = await differences(host, async () => {
      const { exitCode, stderr } = await host.tsnet(...words, { env, expectExit: 'any' })
      expect(exitCode).not.toBe(0)
      expect(stderr).toMatch(says)
    })
    await host.sh(open)
    expect(changed).toEqual([])
    await leavesNothing(host, async () => {
      await host.tsnet(...words, { env })
      await host.tsnet('teardown', '--netns', box.netns, { env })
    })
  })
})

describe('an output that cannot be written', () => {
  const tsnet = `${process.execPath} ${repository}dist/bin/tsnet`
  const told = [
    'tsnet: writing the output: ENOSPC: no space left on device, write',
    '  hint: give it room and run it again: what has been done is found done',
    '',
  ].join('\n')

  it.each(['help', 'version', 'ls', 'check', 'ps', 'map', 'rules host', 'ns ls -q', 'network create full'])(
    'is one error and no success: %s',
    async (line) => {
      const { stderr } = await host.run(['sh', '-c', `${tsnet} ${line} > /dev/full`], { expectExit: 1 })
      expect(stderr).toBe(told)
    },
  )

  it('is one JSON document under --json', async () => {
    const { stderr } = await host.run(['sh', '-c', `${tsnet} network inspect full --json > /dev/full`], {
      expectExit: 1,
    })
    expect(JSON.parse(stderr)).toEqual({
      error: {
        code: 'TSNET_STEP_FAILED',
        kind: 'internal',
        message: 'writing the output: ENOSPC: no space left on device, write',
        hint: 'give it room and run it again: what has been done is found done',
        retryable: false,
      },
    })
  })

  it('stops nothing where it is that of the errors', async () => {
    const box = await lab.container(host)
    const setup = `${tsnet} -v setup --netns ${box.netns} --id loud --network full`
    await host.sh(`${setup} 2> /dev/full`)
    expect((await host.tsnet('ls', '-q')).stdout).toBe('loud\n')
    await host.tsnet('teardown', 'loud')
    await host.tsnet('network', 'rm', 'full')
  })

  it('is no trouble where its reader has seen enough', async () => {
    const { stdout, stderr } = await host.run([
      'bash',
      '-c',
      `${tsnet} help | head -n 1; echo "\${PIPESTATUS[0]}"`,
    ])
    expect({ stdout, stderr }).toEqual({
      stdout: 'Usage: tsnet [options] COMMAND [arguments]\n0\n',
      stderr: '',
    })
  })
})
