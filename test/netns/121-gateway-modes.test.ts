/**
 * `-o gateway-mode-ipv4` and `-ipv6`, Docker's gateway modes: what another
 * machine that routes to the containers reaches of them, and who they are there.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { createLab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'

needs('root', 'ip', 'nft', 'iptables', 'veth', 'bridge', 'ipv6')

type Mode = 'nat' | 'nat-unprotected' | 'routed'

/** By `direct`ly routing and at the host's published port: TCP to the published and to another port, and a ping. */
interface Reached {
  readonly port: string
  readonly other: string
  readonly ping: boolean
  readonly host: string
  /** Who the container is to the other machine. */
  readonly leavesAs: 'itself' | 'the host'
}

const expected: Readonly<Record<Mode, Reached>> = {
  nat: { port: 'timeout', other: 'timeout', ping: false, host: 'reached', leavesAs: 'the host' },
  'nat-unprotected': {
    port: 'reached',
    other: 'reached',
    ping: true,
    host: 'reached',
    leavesAs: 'the host',
  },
  routed: { port: 'reached', other: 'timeout', ping: true, host: 'refused', leavesAs: 'itself' },
}

describe.each(['nftables', 'iptables'])('gateway modes with %s', (firewall) => {
  const env = { TSNET_FIREWALL: firewall }

  it.each([
    ['nat-unprotected', 'routed'],
    ['routed', 'nat-unprotected'],
  ] as const)('IPv4 %s and IPv6 %s: each family by its own', async (four, six) => {
    await using lab = await createLab()
    const host = await lab.host('host', { forwarding: true })
    const outside = await lab.host('outside')
    await lab.wire(host, outside, '198.51.100.0/24', { v6: '2001:db8:1::/64', defaultRoute: 'second' })
    const box = await lab.container(host)
    const before = await snapshot(host)

    const modes = ['-o', `gateway-mode-ipv4=${four}`, '-o', `gateway-mode-ipv6=${six}`]
    const subnets = ['--subnet', '10.77.0.0/24', '--subnet', 'fd77::/64']
    await host.tsnet('network', 'create', 'net', ...subnets, ...modes, { env })
    const ports = ['-p', '8080:80', '-p', '9000-9002:90-92']
    await host.tsnet('setup', '--netns', box.netns, '--id', 'box', '--network', 'net', ...ports, { env })
    for (const port of [80, 81, 91]) await box.serve.tcp(port)
    await outside.serve.tcp(7)

    const own = { 4: '10.77.0.2', 6: 'fd77::2' }
    const theirs = { 4: '198.51.100.1', 6: '2001:db8:1::1' }
    const away = { 4: '198.51.100.2', 6: '2001:db8:1::2' }
    const look = async (family: 4 | 6): Promise<Reached> => {
      const verdict = async (address: string, port: number): Promise<string> =>
        await outside.probe.tcp(address, port)
      const { exitCode } = await outside.run(['ping', `-${family}`, '-c3', '-i0.2', '-W5', own[family]], {
        expectExit: 'any',
      })
      const { seenAs } = await box.probe.tcpDetail(away[family], 7)
      const [port, ranged] = [await verdict(own[family], 80), await verdict(own[family], 91)]
      return {
        port: port === ranged ? port : `${port} and ${ranged}`,
        other: await verdict(own[family], 81),
        ping: exitCode === 0,
        host: await verdict(theirs[family], 8080),
        leavesAs: seenAs === own[family] ? 'itself' : 'the host',
      }
    }
    expect({ 4: await look(4), 6: await look(6) }).toEqual({ 4: expected[four], 6: expected[six] })

    const shown = {
      4: four === 'routed' ? '10.77.0.2:80' : '0.0.0.0:8080',
      6: six === 'routed' ? '[fd77::2]:80' : '[::]:8080',
    }
    const { stdout } = await host.tsnet('port', 'box', '80')
    expect(stdout).toBe(`${shown[4]}\n${shown[6]}\n`)
    expect((await host.tsnet('check')).exitCode).toBe(0)
    await host.tsnet('teardown', 'box')
    await host.tsnet('network', 'rm', 'net')
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
  })
})
