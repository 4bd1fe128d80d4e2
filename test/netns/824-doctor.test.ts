/**
 * `tsnet doctor` where nothing can be put back, beside Docker, and with `--fix`.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import type { Ailment, Mended } from '../../lib/index.ts'
import { createLab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'
import { faults } from '../faults.ts'
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

/** What Docker 28 leaves in iptables when it has a network with one published port. */
const docker = `
ip link add docker0 type bridge; ip addr add 172.17.0.1/16 dev docker0; ip link set docker0 up
ip netns add dockered; ip link add veth7f3 type veth peer name eth0 netns dockered
ip link set veth7f3 master docker0 up; ip -n dockered addr add 172.17.0.2/16 dev eth0; ip -n dockered link set eth0 up
for chain in DOCKER DOCKER-BRIDGE DOCKER-CT DOCKER-FORWARD DOCKER-INTERNAL DOCKER-USER; do iptables -N $chain; done
iptables -P FORWARD DROP
iptables -A FORWARD -j DOCKER-USER
iptables -A FORWARD -j DOCKER-FORWARD
iptables -A DOCKER-FORWARD -j DOCKER-CT
iptables -A DOCKER-FORWARD -j DOCKER-INTERNAL
iptables -A DOCKER-FORWARD -j DOCKER-BRIDGE
iptables -A DOCKER-FORWARD -i docker0 -j ACCEPT
iptables -A DOCKER-BRIDGE -o docker0 -j DOCKER
iptables -A DOCKER-CT -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
iptables -A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT
iptables -A DOCKER ! -i docker0 -o docker0 -j DROP
iptables -t nat -N DOCKER
iptables -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
iptables -t nat -A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
iptables -t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
iptables -t nat -A DOCKER ! -i docker0 -p tcp -m tcp --dport 9090 -j DNAT --to-destination 172.17.0.2:80
iptables -t raw -A PREROUTING -d 172.17.0.2/32 ! -i docker0 -j DROP
`

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
