/**
 * dockerd at boot, before its driver: with the socket that systemd keeps, and
 * without; and ports of a container of dockerd that is restarted.
 *
 * @module
 */
import { expect, it } from 'vitest'
import { needs } from '../../netns-fixtures/requirements.ts'
import { engine, engineLimitMs } from './engines.ts'

needs('root', 'ip', 'iptables', 'veth', 'bridge', 'busybox', 'curl', 'docker', 'systemd', 'built')

const told = {
  restarted: [
    '0.0.0.0:8081 -> 80/tcp',
    'hello',
    // What docker run has published is there again, what was added is not, and may be added again.
    'hello',
    'no (7)',
    '0.0.0.0:8081 -> 80/tcp',
    'hello',
    'hello',
    '80/tcp -> 0.0.0.0:8080',
    'hello',
    'ok: everything is as it was set up',
  ].join('\n'),
  activated: 'waiting\nin time\nhello\nended',
  stranded: 'waited\nfailed to add endpoint: plugin "tsnet" not found\nhello\nended',
  removed: '',
}

it('dockerd that comes first finds its driver, or its containers are started later', {
  timeout: engineLimitMs,
}, async () => {
  expect(await engine('docker-boot')).toEqual(told)
})
