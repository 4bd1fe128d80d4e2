/**
 * Debian's dockerd with its own bridge driver and with ours, in one script. What
 * it prints is one table; where ours answers otherwise,
 * engines/docker-differences.md says why (decisions 29).
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { createLab } from '../../netns-fixtures/lab.ts'
import { repository } from '../../netns-fixtures/place.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { sectionsOf } from './engines.ts'
import { readmeExample } from './readme.ts'

needs('root', 'ip', 'iptables', 'veth', 'bridge', 'ipv6', 'busybox', 'curl', 'socat', 'docker', 'built')

/** It takes a minute on two idle processors, and three are not enough where others are at work on slower ones. */
const scriptLimitMs = 600_000

type Told = Readonly<Record<string, string>>

async function docker(driver: string, example = ''): Promise<Told> {
  await using lab = await createLab()
  const host = await lab.host('host')
  const far = await lab.host('far')
  await lab.wire(host, far, '198.51.100.0/24', { v6: '2001:db8:1::/64', defaultRoute: 'first' })
  const scripts = `${repository}test/netns/engines`
  // Pids of another machine mean nothing in the pid namespace that ends with the script.
  await host.sh(`touch /run/far && mount --bind /proc/${far.pid}/ns/net /run/far`)
  const { stdout } = await host.run(
    ['unshare', '-mp', '--fork', '--mount-proc', 'sh', `${scripts}/docker.sh`],
    {
      env: { TSNET: `${repository}dist`, SCRIPTS: scripts, DRIVER: driver, EXAMPLE: example },
      timeoutMs: scriptLimitMs,
    },
  )
  return sectionsOf(stdout)
}

const same: Told = {
  // 127.0.0.1, the host's address, a port bound to 127.0.0.1 from there and from elsewhere, a range.
  published: 'hello\nhello\nhello\nno (7)\nhello',
  far: 'hello\nno',
  // The container sees who asks; the host's own loopback is the gateway.
  udp: '198.51.100.2\n10.60.0.1',
  any: 'hello',
  taken: 'refused\nhello',
  reached: 'address\nname\nname\nname\nalias\n10.60.0.2',
  out: 'out',
  static: '10.60.0.77 02:00:00:00:00:77 10.60.0.1\n02:00:00:00:00:77',
  isolated: 'apart',
  connected: 'inet 10.61.0.9/24\nhello\neth0\nlo\nno\nhello',
  stats: '1',
  inspected: '10.60.0.0/24 false false 3',
  restarted: 'hello\nhello',
  internal: 'hello\nclosed\nno (7)',
  six: 'fd63::99/64\naddress\nhello',
  // Address, MTU of container and bridge, gateway; published on 127.0.0.1 alone; icc=false; no masquerading.
  options: '10.64.0.128\n1400\n1400\n10.64.0.254\nhello\nno (7)\nno\nitself',
  shared: 'hello',
  parallel: '20\n21',
  daemon_restarted: 'hello',
  daemon_killed: 'hello\nhello',
  live_restored: 'hello\nhello\nhello\nhello\nhello',
  killed: 'hello',
  // All this on a host where dockerd has set it.
  policy: '-P FORWARD DROP',
  removed: '',
}

/** What only a driver outside dockerd can be asked. */
const ours: Told = {
  driver_restarted: 'hello\nhello\nhello',
  driver_killed: 'tsnet.sock\nhello\nhello',
  // Its own address from another machine, and no port of the host.
  gateway_mode: 'hello\nno (7)\nout\n80/tcp -> 10.67.0.2:80',
  names: 'known\n"ifname": "eth0"\n10.60.0.2',
}

/** The shell lines below `<!-- example: docker -->`. */
describe('the example of the README', () => {
  it('runs as it stands and leaves nothing behind', { timeout: scriptLimitMs + 10_000 }, async () => {
    expect(await docker('tsnet', readmeExample('docker'))).toEqual({ left: '' })
  })
})

describe('docker network, run, connect, restart, kill', () => {
  it('say with the bridge driver of Docker what the table says', {
    timeout: scriptLimitMs + 10_000,
  }, async () => {
    expect(await docker('bridge')).toEqual(same)
  })

  it('say the same with ours, and leave nothing behind', { timeout: scriptLimitMs + 10_000 }, async () => {
    expect(await docker('tsnet')).toEqual({ ...same, ...ours })
  })
})
