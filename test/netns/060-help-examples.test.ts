/**
 * Every example of the help is run as it stands, in a throwaway host of its own.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { type Example, examples } from '../../cmd/tsnet/examples.ts'
import type { Host } from '../../netns-fixtures/host.ts'
import { createLab } from '../../netns-fixtures/lab.ts'
import { repository } from '../../netns-fixtures/place.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'

needs('root', 'ip', 'nft', 'iptables', 'veth', 'bridge', 'ipv6')

const runLimitMs = 20_000

/** A shell in the host, with the built `tsnet` in its path. */
function shell(host: Host, lines: readonly string[], pid: number, backend: string) {
  const env = {
    PATH: `${repository}dist/bin:${process.env['PATH']}`,
    TSNET_FIREWALL: backend,
    PID: String(pid),
  }
  return host.run(['sh', '-ec', lines.flatMap(started).join('\n')], { env, timeoutMs: runLimitMs })
}

/**
 * Behind a line that ends in `&`: what a person waits for without noticing. Its
 * output is closed, or the pipe to the test would stay open with the process.
 */
function started(line: string): string[] {
  if (!line.endsWith('&')) return [line]
  const wait = 'until [ "$(readlink /proc/$!/ns/net)" != "$(readlink /proc/$$/ns/net)" ]; do sleep 0.02; done'
  const background = `${line.slice(0, -1)} >/dev/null 2>&1 &`
  return line.startsWith('unshare') ? [background, wait] : [background]
}

const before: Readonly<Record<NonNullable<Example['given']>[number], string>> = {
  box: ':',
  offline: ': > /etc/resolv.conf',
  shop: 'tsnet network create shop --subnet 10.90.0.0/24',
  web: 'tsnet setup --pid $PID --container-name web -p 8080:80',
}

describe.each(['iptables', 'nftables'])('with %s, the help is right about', (backend) => {
  it.each(examples)('$command: $about', async ({ script, given = [] }) => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const { pid } = await lab.container(host)
    await shell(
      host,
      given.map((name) => before[name]),
      pid,
      backend,
    )
    const { stderr } = await shell(host, script, pid, backend)
    expect(stderr).toBe('')
  })
})

describe('everything the examples make', () => {
  it('is gone again after one teardown for each container and one prune', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const { pid } = await lab.container(host)
    const clean = ['tsnet ls -q | xargs -r -n1 tsnet teardown', 'tsnet network prune']
    const setups = examples.filter(({ command }) => command === 'setup')
    const make = ({ script, given = [] }: Example) =>
      shell(host, [...given.map((name) => before[name]), ...script], pid, 'iptables')
    const remove = () => shell(host, [...clean, 'ip netns delete db 2>/dev/null || true'], pid, 'iptables')

    // What stays for the whole host's sake, such as ip_forward and empty folders, is there after one round.
    for (const example of setups.slice(0, 2)) await make(example)
    await remove()
    const empty = await snapshot(host)
    for (const example of setups) {
      await make(example)
      expect(snapshotDifference(empty, await snapshot(host))).not.toEqual([])
      await remove()
      expect(snapshotDifference(empty, await snapshot(host))).toEqual([])
    }
  })
})
