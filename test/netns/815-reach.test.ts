/**
 * From inside one container to another, by name.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { createLab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { setUpNamed } from './named.ts'

needs('root', 'ip', 'nft', 'veth', 'bridge', 'ipv6', 'curl', 'dig')

describe('tsnet ping, dig and curl', () => {
  it('go from A to B by the name A knows, and hand on flags and exit code', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const { db } = await setUpNamed({ lab, host }, { web: [], db: [] })
    await db.serve.http(80, { body: 'hello from db' })
    expect((await host.tsnet('ping', 'web', 'db', '-c', '1', '-q')).stdout).toMatch(
      /PING db[\s\S]* 1 received/,
    )
    expect((await host.tsnet('dig', 'web', 'db', '+short')).stdout).toBe('10.89.0.3\n')
    expect((await host.tsnet('curl', 'web', 'db')).stdout).toContain('hello from db')
    expect(
      (await host.tsnet('curl', 'web', 'http://db:80/x', '-s', '-o', '/dev/null', '-w', '%{http_code}'))
        .stdout,
    ).toBe('200')
    // 7: curl could not connect.
    await host.tsnet('curl', 'web', 'db:81', '-s', { expectExit: 7 })
  })

  it('know B by a hosts file of their own where no name server does, which nobody else sees', async () => {
    await using lab = await createLab()
    const host = await lab.host('host', { forwarding: true })
    await setUpNamed({ lab, host }, { web: [] })
    await host.sh(`
      ip netns add named
      ip link add v9 type veth peer name eth0 netns named
      ip addr add 10.77.0.1/24 dev v9; ip link set v9 up
      ip -n named addr add 10.77.0.2/24 dev eth0; ip -n named link set eth0 up; ip -n named route add default via 10.77.0.1
    `)
    const hosts = await host.sh('cat /etc/hosts')
    expect((await host.tsnet('ping', 'web', 'named', '-c', '1', '-q')).stdout).toMatch(
      /PING named \(10\.77\.0\.2\)/,
    )
    expect((await host.sh('cat /etc/hosts')).stdout).toBe(hosts.stdout)
    const wrong = await host.tsnet('ping', 'web', '-c', '1', { expectExit: 2 })
    expect(wrong.stderr).toContain('hint: B comes first, then flags: tsnet ping A B -c 4')
    expect((await host.tsnet('ping', 'wep', 'web', { expectExit: 3 })).stderr).toContain(
      'did you mean "web"?',
    )
  })
})
