/**
 * Who works at the same time shares the kernel's and the programs' cost, and
 * nobody gets another's result.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import type { Host } from '../../netns-fixtures/host.ts'
import { createLab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'

needs('root', 'ip', 'nft', 'iptables-nft', 'veth', 'bridge', 'built')

interface Told {
  readonly told: readonly string[]
  readonly processes: number
}

const rule = (number: number) => `TEST -p tcp -m tcp --dport ${number} -j ACCEPT`
const iptablesStep = (spec: string) => ({
  kind: 'rules',
  where: 'host',
  tool: 'iptables',
  add: `*filter\n-A ${spec}\nCOMMIT\n`,
  remove: `*filter\n-D ${spec}\nCOMMIT\n`,
})
const nftStep = (set: string, port: number) => ({
  kind: 'rules',
  where: 'host',
  tool: 'nft',
  add: `add element inet test ${set} { ${port} }\n`,
  remove: `delete element inet test ${set} { ${port} }\n`,
})

async function fold(host: Host, steps: readonly unknown[], ...flags: string[]): Promise<readonly Told[]> {
  const { stdout } = await host.node('test/netns/agents/folding.ts', ...flags, {
    stdin: JSON.stringify(steps),
    timeoutMs: 30_000,
  })
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Told)
}

describe('rules of several at the same time', () => {
  it('are one process of iptables-restore, there and back', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    await host.sh('iptables-nft -N TEST')
    const before = (await host.sh('iptables-nft -S')).stdout
    const steps = [1, 2, 3, 4, 5].map((number) => iptablesStep(rule(number)))
    expect(await fold(host, steps, '--keep')).toEqual([{ told: Array(5).fill('done'), processes: 1 }])
    expect((await host.sh('iptables-nft -S TEST')).stdout.match(/--dport \d/g)).toEqual(
      [1, 2, 3, 4, 5].map((number) => `--dport ${number}`),
    )
    await host.sh('iptables-nft -F TEST')
    expect((await fold(host, steps)).map(({ processes }) => processes)).toEqual([1, 1])
    expect((await host.sh('iptables-nft -S')).stdout).toBe(before)
  })

  it('do not fail for one that is refused, and are there once', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    await host.sh(
      'iptables-nft -N TEST; nft add table inet test; nft add set inet test ports "{ type inet_service; }"',
    )
    const steps = [
      iptablesStep(rule(1)),
      iptablesStep('TEST -m comment --comment bad -j NOWHERE'),
      iptablesStep(rule(3)),
      nftStep('ports', 1),
      nftStep('nowhere', 2),
      nftStep('ports', 3),
    ]
    const [added] = await fold(host, steps, '--keep')
    expect(added?.told.map((text) => text.split(':')[0])).toEqual([
      ...['done', 'iptables-restore', 'done'],
      ...['done', 'applying nftables rules', 'done'],
    ])
    expect((await host.sh('iptables-nft -S TEST')).stdout.match(/--dport \d/g)).toEqual([
      '--dport 1',
      '--dport 3',
    ])
    expect((await host.sh('nft list set inet test ports')).stdout).toContain('elements = { 1, 3 }')
  })
})

describe('links of several at the same time', () => {
  const asked = async (host: Host, names: readonly string[]): Promise<unknown> =>
    JSON.parse((await host.node('test/netns/agents/unlinking.ts', ...names)).stdout)
  const pairs = ['one', 'two', 'six']
    .map((name) => `ip link add ${name} type veth peer name ${name}peer`)
    .join('; ')
  const gone = (name: string): unknown => ({ name, said: [], isThere: false })

  it('go in one request, each is gone when it is said, and those of others stay', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    await host.sh(`${pairs}; ip link add kept type veth peer name keptpeer`)
    expect(await asked(host, ['one', 'two', 'six'])).toEqual({
      told: [gone('one'), gone('two'), gone('six')],
      requests: [1],
    })
    expect((await host.sh('ls /sys/class/net')).stdout).toBe('kept\nkeptpeer\nlo\n')
  })

  it('go one by one where the kernel refuses them together, and only the refused one is told', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    await host.sh(pairs)
    expect(await asked(host, ['one', 'lo', 'six'])).toEqual({
      told: [
        gone('one'),
        {
          name: 'lo',
          said: ['deleting link lo: ENOTSUP (operation not supported on socket)'],
          isThere: true,
        },
        gone('six'),
      ],
      requests: [1, 3],
    })
  })
})

describe('containers that come and go at the same time', () => {
  it('are all set up, and leave nothing', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const boxes = await Promise.all(Array.from({ length: 30 }, () => lab.container(host)))
    for (const firewall of ['nftables', 'iptables']) {
      const env = { TSNET_FIREWALL: firewall }
      const program = new URL('../../dist/launcher/tsnet', import.meta.url).pathname
      const all = (words: (nth: number) => string[]) =>
        Promise.all(boxes.map((_, nth) => host.run([program, ...words(nth)], { env, timeoutMs: 100_000 })))
      // The first call starts the daemon and leaves its files.
      await host.run([program, 'ls'], { env })
      const before = await snapshot(host)
      await all((nth) => [
        'setup',
        '--netns',
        boxes[nth]?.netns ?? '',
        '--id',
        `c${nth}`,
        '-p',
        `${9000 + nth}:80`,
      ])
      expect(await host.tsnetJson('check', { env: { ...env, TSNET_VIA: 'local' } })).toEqual([])
      expect((await host.tsnet('ls', '-q')).stdout.trim().split('\n')).toHaveLength(30)
      await all((nth) => ['teardown', `c${nth}`])
      expect(
        snapshotDifference(before, await snapshot(host), {
          except: [/files: \/run\/tsnet(\/tsnetd\.|\/ )/, /sysctl|ip_forward|forwarding/],
        }),
      ).toEqual([])
    }
    await host.tsnet('daemon', 'stop')
  })
})
