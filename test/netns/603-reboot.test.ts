/**
 * The power goes in the middle of a set-up and of a teardown: another boot id,
 * /run empty, links, rules, namespaces and processes gone. What is on the disk is
 * the networks' definitions, or with `--state-dir` everything.
 *
 * @module
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { ContainerNetwork } from '../../lib/index.ts'
import type { Container, Host } from '../../netns-fixtures/host.ts'
import { createLab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'
import { figure, part, size, spread } from './chaos.ts'
import { pointsOf, runSpoiled, tsnetWords } from './strace.ts'
import { layStreet } from './traceless.ts'

needs('root', 'ip', 'nft', 'iptables-nft', 'veth', 'bridge', 'ipv6', 'strace', 'built')

/** Below /var/lib, which is a disk; /run is not. */
const disk = '/var/lib/tsnet'
const bootId = '/proc/sys/kernel/random/boot_id'

interface Kind {
  readonly what: string
  readonly firewall: 'nftables' | 'iptables'
  readonly flags: readonly string[]
}

const kinds: readonly Kind[] = [
  { what: 'state on the disk, nftables', firewall: 'nftables', flags: ['--state-dir', `${disk}/state`] },
  { what: 'state on the disk, iptables', firewall: 'iptables', flags: ['--state-dir', `${disk}/state`] },
  { what: 'state in /run, nftables', firewall: 'nftables', flags: [] },
]

interface Machine {
  readonly host: Host
  readonly box: Container
  readonly other: Container
  readonly words: { readonly setup: readonly string[]; readonly teardown: readonly string[] }
  tsnet<Document>(...words: string[]): Promise<Document>
}

async function trial({ firewall, flags }: Kind, count: number): Promise<string> {
  const env = { TSNET_FIREWALL: firewall, TSNET_VIA: 'local' }
  const folder = mkdtempSync(join(tmpdir(), 'tsnet-reboot-'))
  /** The same machine as after its next start: nothing is left but what was on the disk. */
  const boot = async (lab: Awaited<ReturnType<typeof createLab>>, nth: number): Promise<Machine> => {
    const { host } = await layStreet(lab)
    const id = String(nth).padStart(8, '0')
    await host.sh(
      `echo ${id}-0000-4000-8000-000000000000 > /run/boot; mount --bind /run/boot ${bootId}; cp -a ${folder}/. ${disk}/`,
    )
    const [box, other] = [await host.container(), await host.container()]
    return {
      host,
      box,
      other,
      words: {
        setup: [
          'setup',
          '--netns',
          box.netns,
          '--id',
          'one',
          '--container-name',
          'one',
          '--network',
          'shop',
          '-p',
          '8080:80',
          ...flags,
        ],
        teardown: ['teardown', 'one', ...flags],
      },
      tsnet: (...words) => host.tsnetJson(...words, ...flags, { env, timeoutMs: 30_000 }),
    }
  }
  /** @returns the name of its container's link */
  const lay = async ({ tsnet, other }: Machine): Promise<string | undefined> => {
    await tsnet('network', 'create', 'shop', '--subnet', '10.90.0.0/24')
    const words = ['--netns', other.netns, '--id', 'two', '--container-name', 'two', '-p', '9090:90']
    return (await tsnet<ContainerNetwork>('setup', ...words)).attachments[0]?.hostIfname
  }
  /** To where the disk is kept while the machine is off. */
  const off = ({ host }: Machine): Promise<unknown> => host.sh(`cp -a ${disk}/. ${folder}/`)

  const empty = (): void => {
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(folder)
  }

  const chances = await (async () => {
    await using lab = await createLab()
    const machine = await boot(lab, 1)
    await lay(machine)
    const { setup, teardown } = machine.words
    const all = []
    for (const task of ['setup', 'teardown'] as const)
      for (const point of await pointsOf(
        machine.host,
        [...tsnetWords, ...(task === 'setup' ? setup : teardown)],
        { env },
      ))
        all.push({ task, point })
    return all
  })()
  const chosen = spread(part(chances), count)
  for (const [i, { task, point }] of chosen.entries()) {
    const told = `power gone before ${point.nth}. ${point.line} of ${task}`
    empty()
    await using before = await createLab()
    const old = await boot(before, 2 * i + 2)
    const link = await lay(old)
    if (task === 'teardown') await old.tsnet(...old.words.setup.filter((word) => !flags.includes(word)))
    await runSpoiled(old.host, [...tsnetWords, ...old.words[task]], { point, how: 'signal=KILL', env })
    await off(old)
    await before.dispose()

    await using after = await createLab()
    const now = await boot(after, 2 * i + 3)
    const { host, box, tsnet, words } = now
    // Somebody else has what the dead one had: the name of its link, its address.
    await host.sh(`ip link add ${link} type veth peer name stranger; ip addr add 10.89.0.2/32 dev stranger`)
    const fresh = await snapshot(host)
    const set = await tsnet<ContainerNetwork>(...words.setup.filter((word) => !flags.includes(word)))
    expect(
      set.attachments.map(({ network }) => network),
      told,
    ).toEqual(['shop'])
    expect(await tsnet('check', 'one'), told).toEqual([])
    await box.serve.tcp(80)
    expect(await host.probe.tcp('198.51.100.1', 8080), told).toBe('reached')
    await tsnet('teardown', 'one')
    await tsnet('gc')
    expect(await tsnet('ls'), told).toEqual([])
    await tsnet('network', 'rm', 'shop')
    expect(
      snapshotDifference(fresh, await snapshot(host), { except: [/files: \/var\/lib\/tsnet/] }),
      told,
    ).toEqual([])
    expect((await host.sh(`find ${disk} -type f`)).stdout, told).toBe('')
  }
  rmSync(folder, { recursive: true, force: true })
  return `${chosen.length} times`
}

describe('the power goes: after the next boot everything can be set up, and nothing is left of before', () => {
  it.concurrent.each(kinds)('$what', { timeout: 3_600_000 }, async (kind) => {
    figure(`power gone before a system call, ${kind.what}: ${await trial(kind, size(2, 20))}`)
  })
})
