/**
 * Ports and networks of running containers, whoever had them connected, under a
 * connection that stays open all the time: the server takes one, and no second.
 *
 * @module
 */
import { expect, it } from 'vitest'
import type { Container, Host } from '../../netns-fixtures/host.ts'
import { createLab } from '../../netns-fixtures/lab.ts'
import { repository } from '../../netns-fixtures/place.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'
import { cni } from './cni.ts'

needs('root', 'ip', 'nft', 'iptables', 'veth', 'bridge', 'ipv6', 'socat', 'built')

interface Origin {
  /** What `tsnet publish` and `connect` call it. */
  readonly name: string
  setUp(host: Host, box: Container): Promise<void>
  tearDown(host: Host, box: Container): Promise<void>
}

const conf = {
  cniVersion: '1.0.0',
  name: 'web',
  type: 'tsnet',
  runtimeConfig: { portMappings: [{ hostPort: 9000, containerPort: 99, protocol: 'tcp' }] },
}

const podmanNetwork = {
  name: 'podman',
  id: '2f259bab93aaaaa2542ba43ef33eb990d0999ee1b9924b557b7be53c0b7a1bb9',
  driver: 'bridge',
  network_interface: 'podman0',
  subnets: [{ subnet: '10.88.0.0/16', gateway: '10.88.0.1' }],
  ipv6_enabled: false,
  internal: false,
  dns_enabled: false,
  ipam_options: { driver: 'host-local' },
}

async function netavark(verb: 'setup' | 'teardown', host: Host, box: Container): Promise<void> {
  const stdin = JSON.stringify({
    container_id: '9f0c3d2b1a',
    container_name: 'pod',
    port_mappings: [{ host_ip: '', container_port: 99, host_port: 9000, range: 1, protocol: 'tcp' }],
    networks: { podman: { interface_name: 'eth0', static_ips: ['10.88.0.2'] } },
    network_info: { podman: podmanNetwork },
  })
  await host.run([`${repository}dist/podman/netavark`, verb, box.netns], { stdin })
}

const origins: readonly Origin[] = [
  {
    name: 'web',
    setUp: async (host, box) => {
      await host.tsnet('setup', '--pid', String(box.pid), '--container-name', 'web', '-p', '9000:99')
    },
    tearDown: async (host) => {
      await host.tsnet('teardown', 'web')
    },
  },
  {
    name: 'c1',
    setUp: async (host, box) => {
      expect((await cni(host, 'ADD', conf, { netns: box.netns })).exitCode).toBe(0)
    },
    tearDown: async (host, box) => {
      expect((await cni(host, 'DEL', conf, { netns: box.netns })).exitCode).toBe(0)
    },
  },
  {
    name: 'pod',
    setUp: (host, box) => netavark('setup', host, box),
    tearDown: (host, box) => netavark('teardown', host, box),
  },
]

it.each(origins)('a connection to $name outlives ports and networks that come and go', async (origin) => {
  await using lab = await createLab()
  const host = await lab.host('host', { forwarding: true })
  const outside = await lab.host('outside')
  await lab.wire(host, outside, '198.51.100.0/24', { defaultRoute: 'first' })
  const box = await lab.container(host)
  await host.tsnet('network', 'create', 'extra', '--subnet', '10.91.0.0/24')
  await origin.setUp(host, box)
  await box.serve.tcp(80)
  box.start(['socat', 'TCP-LISTEN:99', 'EXEC:cat'])
  await box.sh('until ss -Hltn | grep -q :99; do sleep 0.02; done')
  // Bridge and lock files are as they stay only after their first container.
  await host.tsnet('network', 'connect', 'extra', origin.name)
  await host.tsnet('network', 'disconnect', 'extra', origin.name)
  const [around, within] = [await snapshot(host), await snapshot(box)]
  await outside.sh(': > /run/said; : > /run/heard')
  outside.start(['sh', '-c', 'tail -f /run/said | socat - TCP:198.51.100.1:9000 > /run/heard'])
  const say = (word: string) =>
    outside.sh(`echo ${word} >> /run/said; until grep -qx ${word} /run/heard; do sleep 0.02; done`)
  await say('one')

  await host.tsnet('publish', 'add', origin.name, '8081:80')
  expect(await outside.probe.tcp('198.51.100.1', 8081)).toBe('reached')
  await say('two')
  await host.tsnet('network', 'connect', 'extra', origin.name)
  expect((await host.sh(`nsenter -t ${box.pid} -n ip -br addr`)).stdout).toContain('10.91.0.')
  await say('three')
  expect((await host.tsnet('check')).stdout).toContain('ok')
  await host.tsnet('network', 'disconnect', 'extra', origin.name)
  await say('four')
  await host.tsnet('publish', 'rm', origin.name, '8081:80')
  expect(await outside.probe.tcp('198.51.100.1', 8081)).not.toBe('reached')
  await say('five')

  const left = (before: Awaited<ReturnType<typeof snapshot>>, now: typeof before) =>
    snapshotDifference(before, now).filter((line) => !/\/\.last|tsnetd\.log|conf\.all|lo qdisc=/.test(line))
  expect(left(around, await snapshot(host))).toEqual([])
  expect(left(within, await snapshot(box))).toEqual([])
  await origin.tearDown(host, box)
  expect((await host.tsnet('ls', '-q')).stdout).toBe('')
  const gone = await host.tsnet('publish', 'add', origin.name, '8081:80', { expectExit: 3 })
  expect(gone.stderr).toContain(origin.name)
})
