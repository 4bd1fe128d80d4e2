/**
 * Around dockerd: who starts first, who is killed or was rebooted, who holds a
 * lock, who else is on the network.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { needs } from '../../netns-fixtures/requirements.ts'
import { engine, engineLimitMs } from './engines.ts'

needs('root', 'ip', 'iptables', 'veth', 'bridge', 'busybox', 'curl', 'socat', 'docker', 'podman')
needs('oci', 'built')

const told = {
  first: '{"Implements":["NetworkDriver","IpamDriver"]}',
  together: [
    // podman's own choice is dk's already.
    '10.65.0.2 on network front: held by',
    '10.65.0.3/24',
    // dk, pd and cn ask for the two others.
    '10.65.0.200',
    '10.65.0.3',
    '10.65.0.2',
    '10.65.0.3',
    '10.65.0.2',
    '10.65.0.200',
  ].join('\n'),
  overlap: [
    'Error response from daemon: remote: tsnet: checking subnet 10.60.0.0/16: it overlaps network ID (10.60.0.0/24) (choose another subnet, or leave it out to have a free one chosen)',
    'Error response from daemon: remote: tsnet: creating network ID: bridge mine belongs to network ID (choose another name with -o bridge=NAME)',
    'Error response from daemon: remote: tsnet: reading -o bridge: interface name "lo" is the loopback interface (leave it out to have a name chosen)',
    '1',
  ].join('\n'),
  busy: [
    'tsnet: locking /run/tsnet/locks/host: still held after 700 ms (another tsnet command is running: try again when it is done)',
    'removed\ngone\nlater',
  ].join('\n'),
  rebooted: 'hello',
  away: 'tsnet.sock\n1',
  removed: '',
}

describe('dockerd with the driver of tsnet, told by a .spec file', () => {
  it('survives neighbours, locks, kills and a reboot, and leaves nothing', {
    timeout: engineLimitMs,
  }, async () => {
    expect(await engine('docker-life')).toEqual(told)
  })
})
