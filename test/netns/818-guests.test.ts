/**
 * Containers that another engine has connected, on networks of tsnet: beside Docker's rules, with both backends. A real
 * container of dockerd is in 832-neighbours.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import type { ContainerNetwork } from '../../lib/index.ts'
import type { Host } from '../../netns-fixtures/host.ts'
import { createLab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'
import { dockerLeftovers } from './dockerleft.ts'

needs('root', 'ip', 'nft', 'iptables', 'veth', 'bridge', 'ipv6', 'socat', 'built')

/**
 * In the container of docker0: answers each connection with the address it came from. Who asks says nothing, and closes his
 * half at once: without -t the shell has half a second to answer him.
 */
const served = `ip netns exec dockered socat -t10 TCP-LISTEN:80,fork,reuseaddr SYSTEM:'echo $SOCAT_PEERADDR'`

/** What the kernel has inside the container: addresses, routes of all tables, rules. */
async function inside(host: Host): Promise<string> {
  const { stdout } = await host.sh(
    'for what in "-4 addr" "rule" "-6 rule" "route show table all" "-6 route show table all"; do ip -n dockered $what; done; ip -n dockered link',
  )
  return stdout
    .split('\n')
    .filter((line) => !/fe80|ff00|multicast|^ *inet6|anycast/.test(line))
    .join('\n')
}

describe.each(['iptables', 'nftables'] as const)('a container on docker0, with %s', (firewall) => {
  it('gets ports and networks of tsnet beside what it has, and nothing of them stays', async () => {
    await using lab = await createLab()
    const host = await lab.host('host', { forwarding: true })
    const outside = await lab.host('outside')
    await lab.wire(host, outside, '198.51.100.0/24', { defaultRoute: 'first' })
    await host.sh(dockerLeftovers)
    host.start(['sh', '-c', served])
    const ask = async (port: number): Promise<string> =>
      (
        await outside.sh(
          `socat -T10 -t10 - TCP:198.51.100.1:${port},connect-timeout=5 < /dev/null || echo closed`,
        )
      ).stdout.trim()
    await host.sh('until ip netns exec dockered ss -Hltn | grep -q :80; do sleep 0.02; done')
    const env = { env: { TSNET_FIREWALL: firewall } }
    // Reverse paths filtered strictly, as some distributions do: answers must not leave by docker0.
    await host.sh(
      'sysctl -qw net.ipv4.conf.all.rp_filter=1; ip netns exec dockered sysctl -qw net.ipv4.conf.all.rp_filter=1',
    )
    // The kernel says so when it has time to.
    await host.sh("until ip -n dockered -br link show eth0 | grep -q ' UP '; do sleep 0.02; done")
    const [around, within] = [await snapshot(host), await inside(host)]
    expect(await ask(9090)).toBe('198.51.100.2')

    const told = await host.tsnet('publish', 'add', 'dockered', '8080:80', env)
    expect(told.stderr).toMatch(
      /^tsnet: dockered is on network tsnet for this, as eth1 with 10\.89\.0\.2\/24 and fd/,
    )
    expect(told.stdout).toBe('0.0.0.0:8080 -> 80/tcp\n[::]:8080 -> 80/tcp\n')
    expect([await ask(8080), await ask(9090)]).toEqual(['198.51.100.2', '198.51.100.2'])
    // Both again, by what else it is called.
    const pid = (await host.sh('ip netns pids dockered | head -1')).stdout.trim()
    expect((await host.tsnet('publish', 'add', pid, '8080:80', '8081:80', env)).stdout).toContain(
      ':8081 -> 80/tcp',
    )
    expect(await ask(8081)).toBe('198.51.100.2')
    expect((await host.tsnet('check', env)).stdout).toContain('ok')
    expect((await host.sh('ip -n dockered -4 route show default')).stdout.trim()).toBe(
      'default via 172.17.0.1 dev eth0',
    )
    await host.tsnet('publish', 'rm', 'dockered', '8081:80', env)
    await host.tsnet('publish', 'rm', 'dockered', '80', env)
    expect([await ask(8080), await ask(9090)]).toEqual(['closed', '198.51.100.2'])
    expect((await host.tsnet('ls', '-q', env)).stdout).toBe('')
    expect(await inside(host)).toBe(within)

    await host.tsnet('network', 'create', 'back', '--subnet', '10.94.0.0/24', env)
    await host.tsnet('network', 'create', 'deep', '--internal', '--subnet', '10.95.0.0/24', env)
    const box = await lab.container(host)
    await host.tsnet('setup', '--pid', String(box.pid), '--container-name', 'box', '--network', 'back', env)
    const now = await host.tsnetJson<ContainerNetwork>(
      'network',
      'connect',
      'back',
      'dockered',
      '--alias',
      'old',
      env,
    )
    expect(
      now.attachments.map(({ network, ifname, addresses, defaultRoute }) => [
        network,
        ifname,
        addresses,
        defaultRoute,
      ]),
    ).toEqual([['back', 'eth1', ['10.94.0.3/24'], []]])
    await host.tsnet('network', 'connect', 'deep', 'dockered', env)
    await host.tsnet('network', 'connect', 'deep', 'dockered', env)
    expect((await box.sh('socat -T10 -t10 - TCP:10.94.0.3:80 < /dev/null')).stdout.trim()).toBe('10.94.0.2')
    expect(await ask(9090)).toBe('198.51.100.2')
    await host.tsnet('network', 'disconnect', 'back', 'dockered', env)
    const left = await host.tsnet('network', 'disconnect', 'deep', 'dockered', env)
    expect(left.stdout).toBe('dockered left deep; it is on no network of tsnet now\n')
    expect(await inside(host)).toBe(within)
    await host.tsnet('teardown', 'box', env)
    await host.tsnet('network', 'prune', env)
    expect(snapshotDifference(around, await snapshot(host))).toEqual([])
  })
})

it('a container that is on no machine, the host, and a port in use are one error each, before anything is changed', async () => {
  await using lab = await createLab()
  const host = await lab.host('host', { forwarding: true })
  await host.sh(dockerLeftovers)
  await host.sh('ip netns exec dockered true')
  const before = await snapshot(host)
  const unknown = await host.tsnet('publish', 'add', 'dockerd', '8080:80', { expectExit: 3 })
  expect(unknown.stderr).toContain(
    'finding container dockerd: no container or network namespace is called that',
  )
  expect(unknown.stderr).toContain('dockered')
  expect((await host.tsnet('network', 'connect', 'tsnet', 'host', { expectExit: 2 })).stderr).toContain(
    'tsnet itself runs in',
  )
  host.start(['socat', 'TCP-LISTEN:8077', 'EXEC:cat'])
  await host.sh('until ss -Hltn | grep -q :8077; do sleep 0.02; done')
  const taken = await host.tsnet('publish', 'add', 'dockered', '8077:80', { expectExit: 4 })
  expect(taken.stderr).toContain('8077')
  for (const words of [
    ['publish', 'rm', 'dockered', '80'],
    ['inspect', 'dockered'],
    ['publish', 'ls', 'dockered'],
  ])
    expect((await host.tsnet(...words, { expectExit: 3 })).stderr).toBe(
      `tsnet: finding container dockered: tsnet has not connected it, ip netns has\n  field: CONTAINER\n  value: dockered\n  hint: "tsnet ps" and "tsnet ns ls" show it; "tsnet network connect NETWORK dockered" puts it on a network of tsnet\n`,
    )
  expect(
    (await host.tsnet('network', 'disconnect', 'tsnet', 'dockered', { expectExit: 3 })).stderr,
  ).toContain('dockered')
  expect(snapshotDifference(before, await snapshot(host))).toEqual([])
})
