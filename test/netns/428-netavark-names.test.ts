/**
 * Names of podman networks while everything round them changes: containers come
 * and go, servers are updated, ports and networks with them. No question is lost.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import type { Container, Host } from '../../netns-fixtures/host.ts'
import { createLab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'
import { type Joined, netavark } from './netavarkcalls.ts'
import { ours } from './netavarks.ts'

needs('root', 'ip', 'iptables', 'veth', 'bridge', 'dnsperf', 'built')

const seconds = 8
const changers = 3

/** On network 1 with names; `number` of an address that nobody else has. */
function member(box: Container, name: string, number: number): Joined {
  return {
    ...{ box, number: 1, network: { dns_enabled: true } },
    joining: { static_ips: [`10.70.1.${number}`], aliases: [`${name}-alias`] },
    call: { container_name: name, container_id: `${name}-${box.pid}` },
  }
}

/** Asks 1,000 times a second over one of the protocols. @returns what dnsperf says of lost and answered ones */
async function ask(box: Container, mode: 'udp' | 'tcp'): Promise<readonly string[]> {
  const { stdout } = await box.run(
    [
      ...['dnsperf', '-m', mode, '-s', '10.70.1.1', '-d', '/run/names'],
      ...['-l', String(seconds), '-Q', '1000', '-c', '5', '-t', '20'],
    ],
    { timeoutMs: 60_000 },
  )
  return [...(/Queries lost: +\d+/.exec(stdout) ?? ['']), ...(/Response codes: .*/.exec(stdout) ?? [''])].map(
    (line) => line.replaceAll(/ +/g, ' ').replaceAll(/\d+ \(/g, '('),
  )
}

async function update(host: Host, servers: string): Promise<void> {
  await host.run(
    [`${ours}/netavark`, '--config', '/run/nv', 'update', 'n1', '--network-dns-servers', servers],
    { env: { TSNET_VIA: 'local' } },
  )
}

describe('names of a podman network', () => {
  it('answer every question while containers come and go and the network is updated', {
    timeout: 120_000,
  }, async () => {
    await using lab = await createLab()
    const host = await lab.host('host', { forwarding: true })
    const before = await snapshot(host)
    const [asker, ...boxes] = (await Promise.all(
      Array.from({ length: changers + 1 }, () => lab.container(host)),
    )) as [Container, ...Container[]]
    await netavark(host, member(asker, 'asker', 2), { verb: 'setup' })
    await host.sh('printf "asker A\\nasker.dns.podman A\\nasker-alias.dns.podman A\\n" > /run/names')
    let done = false
    const answers = Promise.all([ask(asker, 'udp'), ask(asker, 'tcp')]).finally(() => {
      done = true
    })
    let changes = 0
    const churn = boxes.map(async (box, i) => {
      const one = member(box, `c${i}`, 10 + i)
      while (!done) {
        await netavark(host, one, { verb: 'setup' })
        if (i === 0) await update(host, changes % 2 === 0 ? '192.0.2.53' : '')
        await netavark(host, one, { verb: 'teardown' })
        changes++
      }
    })
    const all = ['Queries lost: 0', 'Response codes: NOERROR (100.00%)']
    expect(await answers).toEqual([all, all])
    await Promise.all(churn)
    await netavark(host, member(asker, 'asker', 2), { verb: 'teardown' })
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
  })
})
