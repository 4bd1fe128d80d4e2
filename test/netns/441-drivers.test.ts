/**
 * Kinds of network that tsnet does not know: a driver from a program that uses
 * the library, and one that is a program itself. Both only decide; the way back
 * is the engine's, and works where the driver is gone.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { Host } from '../../netns-fixtures/host.ts'
import { createLab } from '../../netns-fixtures/lab.ts'
import { repository } from '../../netns-fixtures/place.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'
import { outsideProject } from './outside/project.ts'
import { linksUp } from './traceless.ts'

needs('root', 'ip', 'iptables', 'veth', 'bridge', 'macvlan', 'built')

/** A host whose interface `lan` is in the same segment as another machine. */
async function hostInSegment(
  lab: Awaited<ReturnType<typeof createLab>>,
): Promise<{ host: Host; other: Host }> {
  const [host, other] = [await lab.host('host', { forwarding: true }), await lab.host('other')]
  await host.sh(
    `ip link add lan type veth peer name lan netns /proc/${other.pid}/ns/net && ip link set lan up`,
  )
  await other.sh('ip link set lan up && ip addr add 192.0.2.1/24 dev lan')
  return { host, other }
}

const runtime = `
import { decodeCreateNetwork, decodeSetupRequest, openEngine } from 'tsnet'
import { macvlan } from './macvlan.ts'

const [verb, argument = ''] = process.argv.slice(2)
await using engine = await openEngine({ drivers: [macvlan] })
try {
  if (verb === 'create') await engine.createNetwork(decodeCreateNetwork(JSON.parse(argument)))
  if (verb === 'setup') {
    const { attachments } = await engine.setup(decodeSetupRequest(JSON.parse(argument)))
    console.log(attachments.map(({ driver, ifname, addresses }) => [driver, ifname, ...addresses].join(' ')).join())
  }
} catch (error) {
  console.log(\`\${error.code} \${error.message}\`)
}
`

describe('a driver of a program that uses the library', () => {
  it('connects containers to a network of its own kind, and the command line takes them down without it', async () => {
    using project = outsideProject()
    project.add('macvlan.ts')
    const words = project.write('runtime.ts', runtime)
    await using lab = await createLab()
    const { host, other } = await hostInSegment(lab)
    const say = async (...rest: readonly string[]): Promise<string> =>
      (await host.run([...words, ...rest])).stdout
    const before = await snapshot(host)

    const network = {
      name: 'lan',
      driver: 'macvlan',
      subnets: [{ subnet: '192.0.2.0/24', range: '192.0.2.128/25' }],
    }
    expect(await say('create', JSON.stringify(network))).toBe(
      'TSNET_STEP_FAILED making network lan: driver macvlan: the option parent is needed: an interface of the host\n',
    )
    expect(await say('create', JSON.stringify({ ...network, options: { parnt: 'lan' } }))).toBe(
      'TSNET_BAD_VALUE creating network lan: driver macvlan has no option "parnt"\n',
    )
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])

    expect(await say('create', JSON.stringify({ ...network, options: { parent: 'lan' } }))).toBe('')
    const box = await lab.container(host)
    const request = { sandbox: box.netns, container: { id: 'web' }, networks: [{ network: 'lan' }] }
    expect(await say('setup', JSON.stringify({ ...request, publish: ['8080:80'] }))).toBe(
      'TSNET_MODE_MISMATCH publishing ports: driver macvlan of network lan publishes none\n',
    )
    expect(await say('setup', JSON.stringify(request))).toBe('macvlan eth0 192.0.2.128/24\n')
    await box.serve.tcp(80)
    expect(await other.probe.tcpDetail('192.0.2.128', 80)).toMatchObject({
      verdict: 'reached',
      seenAs: '192.0.2.1',
    })

    expect((await host.tsnet('ls')).stdout).toContain('192.0.2.128')
    expect((await host.tsnet('check')).exitCode).toBe(0)
    expect((await host.tsnet('doctor')).stdout).toBe('healthy: nothing found\n')
    await host.tsnet('teardown', 'web')
    expect((await box.sh('ip -br link')).stdout).toMatch(/^lo .*\n$/)
    await host.tsnet('network', 'rm', 'lan')
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
  })
})

describe('a driver that is a program', () => {
  it('is named in the host’s configuration, and used by the command line like our own', async () => {
    await using lab = await createLab()
    const host = await lab.host('host', { forwarding: true })
    const driver = `${repository}test/netns/outside/routed.sh`
    expect(readFileSync(`${repository}lib/drivers/README.md`, 'utf8')).toContain(
      readFileSync(driver, 'utf8').split('\n').slice(1).join('\n').trim(),
    )
    await host.run(['sh', '-c', 'cat > /etc/tsnet/config.json'], {
      stdin: JSON.stringify({ drivers: { routed: driver } }),
    })
    const before = await snapshot(host)

    const refused = await host.tsnet('network', 'create', 'p', '--driver', 'rooted', { expectExit: 2 })
    expect(refused.stderr).toContain('there is no driver "rooted"')
    expect(refused.stderr).toContain('routed')
    const metric = ['network', 'create', 'p', '--driver', 'routed', '-o', 'metric=5'] as const
    expect((await host.tsnet(...metric, { expectExit: 1 })).stderr).toContain(
      'making network p: driver routed: there is no option "metric"',
    )
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])

    await host.tsnet('network', 'create', 'p', '--driver', 'routed', '--subnet', '10.91.0.0/24')
    const [one, two] = [await lab.container(host), await lab.container(host)]
    const planned = (await host.tsnet('plan', '--pid', String(one.pid), '--network', 'p')).stdout
    expect(planned).toContain('type veth peer name eth0')
    await host.tsnet('setup', '--pid', String(one.pid), '--id', 'one', '--network', 'p')
    await host.tsnet('setup', '--pid', String(two.pid), '--id', 'two', '--network', 'p')
    await linksUp(one, 'eth0')
    expect((await one.sh('ip -br addr show eth0; ip route')).stdout).toMatch(
      /^eth0@\S+ +UP +10\.91\.0\.2\/32 .*\ndefault via 10\.91\.0\.1 dev eth0 \n10\.91\.0\.1 dev eth0 scope link \n$/,
    )
    await two.serve.tcp(80)
    expect(await one.probe.tcpDetail('10.91.0.3', 80)).toMatchObject({
      verdict: 'reached',
      seenAs: '10.91.0.2',
    })
    expect((await host.tsnet('doctor')).stdout).toBe('healthy: nothing found\n')

    await host.sh('rm /etc/tsnet/config.json')
    await host.tsnet('teardown', 'one')
    await two.end()
    await host.tsnet('gc')
    await host.tsnet('network', 'rm', 'p')
    const left = snapshotDifference(before, await snapshot(host))
    expect(left.filter((line) => !line.includes('/etc/tsnet'))).toEqual([])
  })
})
