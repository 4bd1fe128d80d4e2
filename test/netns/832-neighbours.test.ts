/**
 * A host with Debian's dockerd, podman, `ip netns` and a bare process on it, in one script: every namespace is listed as
 * what it is, `doctor` finds nothing, and ports and networks of a container of dockerd come and go under an open connection
 * (the other origins: 817-origins).
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { createLab } from '../../netns-fixtures/lab.ts'
import { repository } from '../../netns-fixtures/place.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { engineLimitMs, sectionsOf } from './engines.ts'

needs('root', 'ip', 'iptables', 'veth', 'bridge', 'ipv6', 'busybox', 'curl', 'socat', 'docker', 'podman')
needs('oci', 'built')

const told = {
  namespaces: [
    '- bare ',
    '- far 198.51.100.2/24',
    '- web 10.91.0.2/24 ts-extra-c8dee',
    'docker dk 10.60.0.2/24 BRIDGE',
    'docker plain 172.17.0.2/16 docker0',
    'ip netns named ',
    'podman pd 10.88.0.2/16 podman0',
  ].join('\n'),
  containers: ['docker dk 8080->80,9000->99', 'docker plain ', 'podman pd 8070->80', 'tsnet web'].join('\n'),
  doctor: 'healthy: nothing found',
  inside: '172.17.0.2/16\n10.60.0.2/24\n10.88.0.2/16',
  ports: [
    '0.0.0.0:8081 -> 80/tcp',
    'hello',
    '10.91.0.3/24',
    'dk left extra; it is on shop (eth0)',
    '0.0.0.0:8081 -> 80/tcp',
    'closed',
    'hello',
    'ok: everything is as it was set up',
  ].join('\n'),
  guests: [
    'tsnet: plain is on network tsnet for this, as eth1 with 10.89.0.2/24',
    '0.0.0.0:8082 -> 80/tcp',
    '[::]:8082 -> 80/tcp',
    'hello',
    'hello',
    '0.0.0.0:8082 -> 80/tcp',
    'closed',
    '10.91.0.4/24',
    '172.17.0.1',
    'plain left extra; it is on no network of tsnet now',
    'lo eth0',
    'hello',
    'dk pd web',
  ].join('\n'),
}

describe('a host with everybody on it', () => {
  it('is listed as it is, is healthy, and lets ports of a container of dockerd change', {
    timeout: engineLimitMs,
  }, async () => {
    await using lab = await createLab()
    const [host, far] = [await lab.host('host'), await lab.host('far')]
    await lab.wire(host, far, '198.51.100.0/24', { defaultRoute: 'first' })
    const scripts = `${repository}test/netns/engines`
    // Pids of another machine mean nothing in the pid namespace that ends with the script.
    await host.sh(`touch /run/far && mount --bind /proc/${far.pid}/ns/net /run/far`)
    const { stdout } = await host.run(
      ['unshare', '-mp', '--fork', '--mount-proc', 'sh', `${scripts}/look.sh`],
      { env: { TSNET: `${repository}dist`, SCRIPTS: scripts }, timeoutMs: engineLimitMs },
    )
    expect(sectionsOf(stdout)).toEqual(told)
  })
})
