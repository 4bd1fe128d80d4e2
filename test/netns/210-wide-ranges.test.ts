/**
 * Published ranges of fifty thousand ports: as cheap as one port, and held
 * against everybody who wants one of them.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import type { Container, Host } from '../../netns-fixtures/host.ts'
import { createLab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot } from '../../netns-fixtures/snapshot.ts'
import { layStreet, leavesNothing } from './traceless.ts'

needs('root', 'ip', 'nft', 'iptables-nft', 'iptables-legacy', 'veth', 'bridge', 'ipv6')

const backends = [
  { title: 'nftables', firewall: 'nftables', iptables: 'nft' },
  { title: 'iptables (nf_tables)', firewall: 'iptables', iptables: 'nft' },
  { title: 'iptables (legacy)', firewall: 'iptables', iptables: 'legacy' },
] as const

const wide = '10000-59999:10000-59999'

/** Lines of all tables: rules, elements, chains. */
async function countRules(host: Host): Promise<number> {
  const picture = await snapshot(host)
  return Object.entries(picture)
    .filter(([section]) => section === 'nft' || section.includes('tables'))
    .reduce((sum, [, lines]) => sum + lines.length, 0)
}

/** Runs a command and tells the most memory it ever had, in MB. */
async function memoryOf(host: Host, ...words: string[]): Promise<number> {
  // Of this program alone: ru_maxrss begins with the memory of whoever has started it.
  await host.sh(`echo 'const fs = require("node:fs")
    const most = () => /VmHWM: *\\t*([0-9]+)/.exec(fs.readFileSync("/proc/self/status", "utf8").replaceAll(" ", ""))[1]
    process.once("exit", () => fs.writeFileSync("/run/most", most()))' > /run/most.cjs`)
  await host.tsnet(...words, { env: { NODE_OPTIONS: '--require /run/most.cjs' } })
  const { stdout } = await host.sh('cat /run/most; rm /run/most /run/most.cjs')
  return Number(stdout) / 1024
}

describe.each(backends)('with $title, fifty thousand ports', ({ firewall, iptables }) => {
  it('take no more rules than one, lead where they should, and are gone again', async () => {
    await using lab = await createLab()
    const { host, outside } = await layStreet(lab, { iptables })
    await leavesNothing(host, async () => {
      const [box, other] = [await lab.container(host), await lab.container(host)]
      const setup = (to: Container, ...ports: string[]): string[] =>
        ['setup', '--netns', to.netns, '--firewall', firewall].concat(ports.flatMap((port) => ['-p', port]))
      await host.tsnet(...setup(box, '10000:10000/udp'))
      const one = await countRules(host)
      await host.tsnet('teardown', '--netns', box.netns)

      // The bound for the command line, whatever it publishes.
      expect(await memoryOf(host, ...setup(box, `${wide}/udp`), '--id', 'box')).toBeLessThan(90)
      // With iptables one port has a chain for its neighbours too.
      expect(await countRules(host)).toBeLessThanOrEqual(one)
      for (const port of [10_000, 34_567, 59_999]) await box.serve.udp(port, { address: '10.89.0.2' })
      const ends = [9999, 10_000, 34_567, 59_999, 60_000]
      expect(
        await Promise.all(ends.map((port) => outside.probe.udpDetail('198.51.100.1', port))),
      ).toMatchObject([
        { verdict: 'refused' },
        { verdict: 'reached', seenAs: '198.51.100.2', answer: { local: { port: 10_000 } } },
        { verdict: 'reached', seenAs: '198.51.100.2', answer: { local: { port: 34_567 } } },
        { verdict: 'reached', seenAs: '198.51.100.2', answer: { local: { port: 59_999 } } },
        { verdict: 'refused' },
      ])
      expect((await host.tsnet('port', 'box', '34567/udp')).stdout).toBe('0.0.0.0:34567\n[::]:34567\n')
      expect((await host.sh('ls /run/tsnet/ports')).stdout.trim().split('\n')).toHaveLength(1)

      const told = async (port: string): Promise<string> =>
        (await host.tsnet(...setup(other, port), { expectExit: 4 })).stderr.split('\n')[0] ?? ''
      expect([
        await told('34567:53/udp'),
        await told('127.0.0.1:59999:53/udp'),
        await told('59000-60500:59000-60500/udp'),
      ]).toEqual([
        'tsnet: publishing 34567/udp: held by container box',
        'tsnet: publishing 127.0.0.1:59999/udp: held by container box',
        'tsnet: publishing 59000/udp: held by container box',
      ])
      // TCP is another matter.
      await host.tsnet(...setup(other, `${wide}/tcp`))
      expect(await memoryOf(host, 'teardown', 'box')).toBeLessThan(90)
      await host.tsnet('teardown', '--netns', other.netns)
    })
  })
})
