/**
 * netavark beside a real firewalld, with a system bus of its own: what firewalld
 * would drop goes through its zone `trusted`, also after it was reloaded.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import type { Container, Host } from '../../netns-fixtures/host.ts'
import { createLab, type Lab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'
import { port } from '../unit/adapters/netavark/requests.ts'
import { type Joined, netavark, older, request } from './netavarkcalls.ts'
import { debians, ours } from './netavarks.ts'

needs('root', 'ip', 'nft', 'iptables', 'veth', 'bridge', 'firewalld', 'netavark', 'built')

const startLimitMs = 90_000

interface Yard {
  readonly host: Host
  readonly far: Host
  readonly box: Container
  readonly joined: Joined
  /** Sources of the zone. */
  trusted(): Promise<string>
  /** From elsewhere to the port, by 127.0.0.1 to the port, and from the container to elsewhere. */
  reaches(): Promise<readonly string[]>
}

async function guarded(lab: Lab): Promise<Yard> {
  const [host, far] = [await lab.host('host', { forwarding: true }), await lab.host('far')]
  await lab.wire(host, far, '198.51.100.0/24', { defaultRoute: 'first' })
  await host.sh('mkdir -p /run/dbus && dbus-daemon --system --fork')
  host.start(['firewalld', '--nofork', '--nopid'])
  await host.run(['sh', '-c', 'until firewall-cmd --state 2>/dev/null; do sleep 0.5; done'], {
    timeoutMs: startLimitMs,
  })
  const box = await lab.container(host)
  await Promise.all([box.serve.tcp(80), far.serve.tcp(80)])
  return {
    ...{ host, far, box },
    joined: { box, number: 1, call: { port_mappings: [port()] } },
    trusted: async () => (await host.sh('firewall-cmd --zone=trusted --list-sources')).stdout.trim(),
    reaches: () =>
      Promise.all([
        far.probe.tcp('198.51.100.1', 8080),
        host.probe.tcp('127.0.0.1', 8080),
        box.probe.tcp('198.51.100.2', 80),
      ]),
  }
}

const everything = ['reached', 'reached', 'reached']

describe('netavark beside firewalld', () => {
  it.each(['nftables', 'iptables', 'firewalld'])(
    'lets traffic through its zone with %s, again after a reload, and takes that back',
    { timeout: 120_000 },
    async (firewall) => {
      await using lab = await createLab()
      const { host, joined, trusted, reaches } = await guarded(lab)
      const before = await snapshot(host)
      await netavark(host, joined, { verb: 'setup', firewall })
      expect([await trusted(), ...(await reaches())]).toEqual(['10.70.1.2/32', ...everything])
      await host.sh('firewall-cmd --reload')
      expect(await trusted()).toBe('')
      await host.sh(`${ours}/netavark --config /run/nv firewall-reload`, { env: { TSNET_VIA: 'local' } })
      expect([await trusted(), ...(await reaches())]).toEqual(['10.70.1.2/32', ...everything])
      await netavark(host, joined, { verb: 'teardown', firewall })
      expect(await trusted()).toBe('')
      // firewalld keeps chains of a zone that was used once.
      const own = { except: [/inet firewalld chain \w+_trusted/] }
      expect(snapshotDifference(before, await snapshot(host), own)).toEqual([])
    },
  )

  it('firewalld-reload does so by itself, each time firewalld says that it was reloaded', {
    timeout: 120_000,
  }, async () => {
    await using lab = await createLab()
    const { host, joined, trusted, reaches } = await guarded(lab)
    await netavark(host, joined, { verb: 'setup' })
    const follower = host.start([`${ours}/netavark`, '--config', '/run/nv', 'firewalld-reload'], {
      env: { TSNET_VIA: 'local', RUST_LOG: 'netavark=info' },
    })
    // Once at its start, and once when it listens.
    await follower.waitFor(/applied anew.*applied anew/s, startLimitMs)
    for (const _ of ['first', 'second']) {
      await host.sh('firewall-cmd --reload')
      const told = async (): Promise<unknown> => ({ reaches: await reaches(), said: follower.output() })
      await expect.poll(told, { timeout: startLimitMs }).toMatchObject({ reaches: everything })
    }
    await netavark(host, joined, { verb: 'teardown' })
    expect(await trusted()).toBe('')
  })

  it('takes out of the zone what Debian’s netavark has put there', async () => {
    await using lab = await createLab()
    const { host, joined, trusted } = await guarded(lab)
    await netavark(host, older(joined), { verb: 'setup', folder: debians })
    expect(await trusted()).toBe('10.70.1.0/24')
    await netavark(host, older(joined), { verb: 'teardown' })
    expect(await trusted()).toBe('')
  })

  it('refuses ports where StrictForwardPorts would drop them, before anything is made', async () => {
    await using lab = await createLab()
    const { host, joined } = await guarded(lab)
    await host.sh(
      'mount -t tmpfs tmpfs /etc/firewalld; echo StrictForwardPorts=yes > /etc/firewalld/firewalld.conf',
    )
    const before = await snapshot(host)
    await expect(netavark(host, joined, { verb: 'setup' })).rejects.toThrow(
      "firewalld's StrictForwardPorts=yes refuses published ports",
    )
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
  })

  it('driver firewalld without a bus is refused in the words of Debian’s', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const box = await lab.container(host)
    const asked = (folder: string) =>
      host.run(
        [
          ...['sh', '-c', 'mkdir -p /run/nv; printf %s "$INPUT" | "$@"', 'sh', `${folder}/netavark`],
          ...['--config', '/run/nv', 'setup', box.netns],
        ],
        {
          env: { INPUT: request(older({ box, number: 1 })), NETAVARK_FW: 'firewalld', TSNET_VIA: 'local' },
          expectExit: 1,
        },
      )
    const { stdout } = await asked(debians)
    expect(stdout).toContain('Error retrieving dbus connection')
    expect((await asked(ours)).stdout).toBe(stdout)
  })
})
