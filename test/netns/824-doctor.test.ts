/**
 * `tsnet doctor` where nothing can be put back, beside Docker, and with `--fix`.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import type { Ailment, ContainerNetwork, Mended } from '../../lib/index.ts'
import type { Container } from '../../netns-fixtures/host.ts'
import { createLab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'
import { faults } from '../faults.ts'
import { box, cni } from './cni.ts'
import { dockerLeftovers as docker } from './dockerleft.ts'
import { examine } from './faulttrial.ts'
import { layShopHost } from './faultyhost.ts'

needs('root', 'ip', 'nft', 'iptables', 'iptables-legacy', 'veth', 'bridge', 'ipv6', 'socat', 'dig', 'dnsmasq')

const final = faults.filter(({ doctor, mend }) => doctor !== undefined && mend === undefined)
const codes = (found: readonly Ailment[]): readonly string[] => found.map(({ code }) => code)

describe('faults that nobody takes back', () => {
  it.each(final)(
    '$doctor is found first where $name, and --fix mends it',
    async ({ break: broken, doctor }) => {
      await using lab = await createLab()
      const yard = await layShopHost(lab, 'nftables')
      await yard.shell(broken)
      expect(codes(await examine(yard.host))[0]).toBe(doctor)
      const { findings } = await yard.host.tsnetJson<{ findings: Ailment[]; mended: Mended[] }>(
        'doctor',
        '--fix',
      )
      expect(findings).toEqual([])
    },
  )
})

describe.each(['iptables', 'nftables'] as const)('with %s', (backend) => {
  it("a host with Docker's rules, bridges and namespaces on it is healthy, and tsnet's packets pass", async () => {
    await using lab = await createLab()
    const yard = await layShopHost(lab, backend, docker)
    expect(await examine(yard.host)).toEqual([])
    expect(await yard.outside.probe.tcp('198.51.100.1', 8080)).toBe('reached')
  })

  it("--fix mends what is safe, in one go, and leaves what is the admin's to decide", async () => {
    await using lab = await createLab()
    const yard = await layShopHost(lab, backend)
    const [healthy, inside] = [await snapshot(yard.host), await snapshot(yard.boxes.web)]
    await yard.shell(`
      ip link set $BRIDGE down
      in_web ip link set eth0 down
      in_db ip route del default
      ip link set $WEBVETH mtu 1300
      sysctl -qw net.ipv4.ip_forward=0
      ip route add 10.90.0.0/25 via 198.51.100.2
      ${backend === 'nftables' ? 'nft delete table inet tsnet' : 'iptables -t nat -F TSNET-DNAT'}
    `)
    const found = await examine(yard.host)
    expect(new Set(codes(found))).toEqual(
      new Set([
        'forwarding-off',
        'bridge-down',
        'link-down',
        'mtu-hole',
        'route-overlap',
        'route-missing',
        'rules-missing',
      ]),
    )
    const told = await yard.host.tsnet('doctor', '--fix', { expectExit: 6 })
    expect(told.stdout.match(/^mended /gm)?.length).toBe(found.filter(({ safe }) => safe).length)
    expect(codes(await examine(yard.host))).toEqual(['route-overlap'])
    await yard.shell('ip route del 10.90.0.0/25')
    expect(await examine(yard.host)).toEqual([])
    expect(snapshotDifference(healthy, await snapshot(yard.host))).toEqual([])
    expect(snapshotDifference(inside, await snapshot(yard.boxes.web))).toEqual([])
    expect(await yard.outside.probe.tcp('198.51.100.1', 8080)).toBe('reached')
  })
})

it('--fix puts what has left a network with icc=false back as it was: kept from its neighbours', async () => {
  await using lab = await createLab()
  const host = await lab.host('host', { forwarding: true })
  // Where rules see what stays inside a bridge they keep containers apart, and not the ports.
  await host.sh('sysctl -qew net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0')
  const apart = ['--network', 'apart', '--firewall', 'nftables']
  await host.tsnet(
    'network',
    'create',
    'apart',
    '-o',
    'icc=false',
    '-o',
    'dns=false',
    '--firewall',
    'nftables',
  )
  const [one, two] = [await lab.container(host), await lab.container(host)]
  const setup = (box: Container, id: string): Promise<ContainerNetwork> =>
    host.tsnetJson('setup', '--pid', String(box.pid), '--id', id, ...apart)
  const [link, address] = [
    (await setup(one, 'one')).attachments[0]?.hostIfname,
    (await setup(two, 'two')).attachments[0]?.addresses[0]?.replace('/24', ''),
  ]
  await two.serve.tcp(80)
  const reached = async (): Promise<boolean> => (await one.probe.tcp(address ?? '', 80)) === 'reached'
  const port = async (): Promise<string> => (await host.sh(`bridge -d link show dev ${link}`)).stdout
  const [healthy, before] = [await port(), await reached()]
  expect([healthy.includes('isolated on'), before]).toEqual([true, false])
  await host.sh(`ip link set ${link} nomaster`)
  await host.tsnet('doctor', '--fix')
  expect([await port(), await reached()]).toEqual([healthy, before])
  await host.sh(`bridge link set dev ${link} isolated off`)
  expect(codes(await examine(host))).toEqual(['setting-changed'])
  await host.tsnet('doctor', '--fix')
  expect([await port(), await reached()]).toEqual([healthy, before])
})

it('--fix starts its commands without a shell: a name that a shell would obey is a name', async () => {
  await using lab = await createLab()
  const host = await lab.host('host', { forwarding: true })
  const netns = '/run/netns/x;touch $(id -u)pwned; y'
  await host.sh(`ip netns add 'x;touch $(id -u)pwned; y'`)
  await host.tsnet('setup', '--netns', netns, '--container-name', 'odd', '--firewall', 'nftables')
  await host.sh(`nsenter --net='${netns}' ip route del default`)
  const found = (await examine(host)).filter(
    ({ code, subject }) => code === 'route-missing' && subject === 'odd',
  )
  const command = ['nsenter', `--net=${netns}`, '--']
  const [first] = found
  expect(first?.commands?.map((argv) => argv.slice(0, 3))).toEqual(found.length === 0 ? [] : [command])
  expect(first?.fix).toContain(`nsenter '--net=${netns}' -- ip route replace default via`)
  // As it is printed it can be pasted, also where it takes two lines.
  const printed = await host.tsnet('doctor', 'odd', { expectExit: 6 })
  expect(printed.stdout.replaceAll(/ \\\n +/g, ' ')).toContain(`mend*     ${first?.fix}\n`)
  await host.tsnet('doctor', '--fix', { expectExit: 'any' })
  expect((await examine(host)).map(({ code }) => code)).not.toContain('route-missing')
  expect(
    (
      await host.sh('find / -xdev -maxdepth 3 -name "*pwned" -not -path "/proc/*" 2>/dev/null || true')
    ).stdout.trim(),
  ).toBe('')
  await host.tsnet('teardown', 'odd')
})

it('names outside are in order once somebody is named for them as advised, or by the container itself', async () => {
  await using lab = await createLab()
  const yard = await layShopHost(lab, 'nftables')
  await yard.shell('echo nameserver 10.90.0.1 > /etc/resolv.conf')
  const [loop] = await examine(yard.host)
  expect([loop?.code, loop?.fix.split('; or ')[1]]).toEqual([
    'dns-loop',
    'for each of shop, vault: tsnet network update NETWORK --dns ADDRESS',
  ])
  for (const network of ['shop', 'vault'])
    await yard.host.tsnet('network', 'update', network, '--dns', '198.51.100.2')
  expect(await examine(yard.host)).toEqual([])
  await yard.shell('echo nameserver 198.51.100.99 > /etc/resolv.conf')
  expect(await examine(yard.host)).toEqual([])
  const own = await lab.container(yard.host)
  const setup = ['setup', '--pid', String(own.pid), '--id', 'own', '--firewall', 'nftables']
  await yard.host.tsnet(...setup, '--dns', '198.51.100.2')
  expect(await examine(yard.host)).toEqual([])
  await yard.host.tsnet('teardown', 'own')
  await yard.host.tsnet(...setup)
  expect((await examine(yard.host)).map(({ code, fix }) => [code, fix.split('; or ')[1]])).toEqual([
    ['dns-upstream-dead', 'tsnet network update tsnet --dns ADDRESS'],
  ])
})

it('a container of CNI, which has no name, is found by its id where its rules were flushed or its link is gone', async () => {
  await using lab = await createLab()
  const host = await lab.host('host', { forwarding: true })
  const container = await box(host)
  const id = '7f3b9c2d41e65a08'
  const conf = { cniVersion: '1.0.0', name: 'pods', type: 'tsnet', firewall: 'iptables' }
  const portMappings = [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }]
  const call = { id, netns: container.netns }
  expect((await cni(host, 'ADD', { ...conf, runtimeConfig: { portMappings } }, call)).exitCode).toBe(0)
  expect(await examine(host, id)).toEqual([])
  await host.sh(
    'iptables -t nat -S | sed -n "s/^-N \\(TSNET-DNAT-.*\\)/\\1/p" | xargs -n1 iptables -t nat -F',
  )
  const rulesOnly = await examine(host, id)
  expect(rulesOnly.map(({ code, subject }) => [code, subject])).toEqual([['rules-missing', id.slice(0, 12)]])
  expect(await examine(host, id.slice(0, 6))).toEqual(rulesOnly)
  await host.tsnet('doctor', id, '--fix')
  await host.sh(
    `ip link set ${(await host.tsnetJson<ContainerNetwork[]>('ls'))[0]?.attachments[0]?.hostIfname} down`,
  )
  expect(codes(await examine(host, id))).toEqual(['link-down'])
  await host.tsnet('doctor', id, '--fix')
})

it('a container in the line narrows it down to what concerns that one', async () => {
  await using lab = await createLab()
  const yard = await layShopHost(lab, 'nftables')
  await yard.shell('in_web ip route del default; ip link set $VAULT down')
  expect((await examine(yard.host)).map(({ code, subject }) => [code, subject])).toEqual([
    ['bridge-down', 'vault'],
    ['route-missing', 'web'],
  ])
  expect((await examine(yard.host, 'web')).map(({ subject }) => subject)).toEqual(['web'])
  expect((await examine(yard.host, 'safe')).map(({ subject }) => subject)).toEqual(['vault'])
  expect(await examine(yard.host, 'db')).toEqual([])
  const wrong = await yard.host.tsnet('doctor', 'wbe', { expectExit: 3 })
  expect(wrong.stderr).toContain('finding container wbe: no container or network namespace is called that')
  expect(wrong.stderr).toContain('web')
})
