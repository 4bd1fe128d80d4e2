/**
 * The lock of iptables under CNI plugins: held by another program, and fought
 * for by many at a boot. Never let go: 413.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import type { Host } from '../../netns-fixtures/host.ts'
import { createLab } from '../../netns-fixtures/lab.ts'
import type { Background } from '../../netns-fixtures/process.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { addChain, box, type Conf, delChain, usualList } from './cni.ts'

needs('root', 'ip', 'iptables-nft', 'iptables-legacy', 'veth', 'bridge')

const port = (hostPort: number): unknown => ({ hostPort, containerPort: 80, protocol: 'tcp' })
const chain = (hostPort: number): Conf[] => usualList({ ports: [port(hostPort)] }).slice(0, 3)
const single = (hostPort: number): Conf[] => [
  {
    cniVersion: '1.1.0',
    name: 'solo',
    type: 'tsnet',
    firewall: 'iptables',
    runtimeConfig: { portMappings: [port(hostPort)] },
  },
]
const ways: readonly (readonly [string, (hostPort: number) => Conf[]])[] = [
  ['the chain', chain],
  ['the single plugin', single],
]
const slow = { timeoutMs: 90_000 }

/** As another program does it: the lock is taken, and kept until that program is stopped, or has done this. */
async function holdLock(host: Host, until = 'exec sleep 600'): Promise<Background> {
  const held = host.start(['flock', '/run/xtables.lock', 'sh', '-c', `echo held; ${until}`])
  await held.waitFor(/held/)
  // Everybody else is kept out by it: 4 is the program's code for that.
  expect((await host.run(['iptables-legacy', '-w', '1', '-S'], { expectExit: 'any' })).exitCode).toBe(4)
  return held
}

/**
 * Until programs of this host wait for the lock: there is no other reason for one to live long. It gives up after ten
 * seconds, so that is seen by one program for all processes, not by several for each.
 */
const untilSomebodyWaits = `
own=$(readlink /proc/self/ns/net)
waiting() {
  ls -l /proc/[0-9]*/exe 2>/dev/null | sed -n 's|.* /proc/\\([0-9]*\\)/exe -> .*/xtables-legacy-multi$|\\1|p' |
    while read -r p; do [ "$(readlink /proc/$p/ns/net)" != "$own" ] || echo $p; done
}
until [ -n "$(waiting)" ]; do sleep 0.05; done`

describe('the lock of iptables', () => {
  it.each(ways)(
    'held by another: many ADDs of %s wait for it at once, and succeed when it is free',
    { timeout: 120_000 },
    async (_, listWith) => {
      await using lab = await createLab()
      const host = await lab.host('host', { iptables: 'legacy' })
      const containers = await Promise.all(Array.from({ length: 8 }, () => box(host)))
      const held = await holdLock(host, `read go; ${untilSomebodyWaits}; cat /proc/net/ip_tables_names`)
      const adding = containers.map(({ netns }, i) =>
        addChain(host, listWith(8000 + i), { id: `c${i}`, netns, ...slow }),
      )
      held.write('go\n')
      await held.exited
      expect(held.output()).not.toContain('nat')
      const addresses = (await Promise.all(adding)).map(({ ips }) => ips[0]?.address)
      expect(new Set(addresses).size).toBe(8)
      await Promise.all(containers.map(({ serve }) => serve.tcp(80)))
      const asked = await Promise.all(containers.map((_box, i) => host.probe.tcp('127.0.0.1', 8000 + i)))
      expect(new Set(asked)).toEqual(new Set(['reached']))
      const failed = containers.map(({ netns }, i) =>
        delChain(host, listWith(8000 + i), { id: `c${i}`, netns, ...slow }),
      )
      expect((await Promise.all(failed)).flat()).toEqual([])
    },
  )

  it.each(
    ways.flatMap(([way, listWith]) =>
      (['nft', 'legacy'] as const).map((tool) => [way, tool, listWith] as const),
    ),
  )(
    'fought for at a boot: six ADDs and DELs of %s beside others that change rules without a pause, iptables-%s',
    { timeout: 120_000 },
    async (_, tool, listWith) => {
      await using lab = await createLab()
      const host = await lab.host('host', { iptables: tool })
      const containers = await Promise.all(Array.from({ length: 6 }, () => box(host)))
      // Two as kube-proxy is one: chains of their own, changed again and again, and counted.
      const rivals = ['A', 'B'].map((name) =>
        host.start([
          'sh',
          '-c',
          `iptables -w 60 -t nat -N RIVAL-${name} && echo begun; while :; do iptables -w 60 -t nat -A RIVAL-${name} -j RETURN && iptables -w 60 -t nat -F RIVAL-${name} || { echo failed; exit 1; }; done`,
        ]),
      )
      for (const rival of rivals) await rival.waitFor(/begun/)
      const results = await Promise.all(
        containers.map(({ netns }, i) => addChain(host, listWith(8000 + i), { id: `c${i}`, netns, ...slow })),
      )
      expect(new Set(results.map(({ ips }) => ips[0]?.address)).size).toBe(6)
      const rules = (await host.sh('iptables-save -t nat')).stdout
      const published = containers.map(
        (_box, i) => rules.includes(`--dport ${8000 + i}`) || rules.includes(`--dports ${8000 + i}`),
      )
      expect(published.every(Boolean)).toBe(true)
      const failed = containers.map(({ netns }, i) =>
        delChain(host, listWith(8000 + i), { id: `c${i}`, netns, ...slow }),
      )
      expect((await Promise.all(failed)).flat()).toEqual([])
      for (const rival of rivals) {
        expect(rival.output()).not.toContain('failed')
        await rival.stop()
      }
      expect((await host.sh('iptables-save -t nat | grep -E "dports? 80" || true')).stdout).toBe('')
    },
  )
})
