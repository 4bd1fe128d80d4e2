/**
 * What cannot be done with a network or a document is refused on a host tsnet has never
 * touched: the whole text, the exit code, and not a trace.
 *
 * Mistakes beside a container that is there are in 070-cli, those about
 * addresses in 220-leases, about ports in 200-portmapping.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { refusalYard } from './refusals.ts'

const yard = refusalYard()
const { refused, setup, create, config, tsnet } = yard

describe('a network', () => {
  it('whose subnet, gateway, range or options cannot be', async () => {
    expect(await create('--subnet', '10.90.0.1/24')).toMatchInlineSnapshot(`
      "
      tsnet: reading --subnet: 10.90.0.1/24 has bits set beyond its prefix length
        field: --subnet
        value: 10.90.0.1/24
        hint: write 10.90.0.0/24
      exit 2
      "
    `)
    expect(await create('--subnet', '10.90.0.0/33')).toMatchInlineSnapshot(`
      "
      tsnet: reading --subnet: "10.90.0.0/33" is no prefix such as 10.90.0.0/24
        field: --subnet
        value: 10.90.0.0/33
        hint: write ADDRESS/LENGTH
      exit 2
      "
    `)
    expect(await create('--subnet', '127.0.0.0/24')).toMatchInlineSnapshot(`
      "
      tsnet: reading --subnet: 127.0.0.0/24 overlaps 127.0.0.0/8 (loopback)
        field: --subnet
        value: 127.0.0.0/24
        hint: choose a private one, such as 10.90.0.0/24
      exit 2
      "
    `)
    expect(await create('--subnet', '10.90.0.0/24', '--gateway', '10.91.0.1')).toMatchInlineSnapshot(`
      "
      tsnet: reading --gateway: 10.91.0.1 lies in no --subnet
        field: --gateway
        value: 10.91.0.1
        hint: it must lie in 10.90.0.0/24
      exit 2
      "
    `)
    expect(await create('--subnet', '10.90.0.0/24', '--ip-range', '10.90.0.0/16')).toMatchInlineSnapshot(`
      "
      tsnet: reading --ip-range: 10.90.0.0/16 is not within 10.90.0.0/24
        field: --ip-range
        value: 10.90.0.0/16
        hint: give a smaller prefix of the subnet
      exit 2
      "
    `)
    expect(await create('--subnet', '10.90.0.0/24', '--subnet', '10.91.0.0/24')).toMatchInlineSnapshot(`
      "
      tsnet: reading --subnet: 10.91.0.0/24 is a second IPv4 subnet
        field: --subnet
        value: 10.91.0.0/24
        hint: give at most one per family
      exit 2
      "
    `)
    expect(await create('--driver', 'macvlan')).toMatchInlineSnapshot(`
      "
      tsnet: creating network net: there is no driver "macvlan"
        field: driver
        value: macvlan
        hint: known are bridge; /etc/tsnet/config.json names further ones
      exit 2
      "
    `)
    expect(await create('-o', 'bridge=a-name-of-16-byte')).toMatchInlineSnapshot(`
      "
      tsnet: reading --opt bridge: interface name "a-name-of-16-byte" is 17 bytes long, the kernel takes 15
        field: --opt bridge
        value: a-name-of-16-byte
        hint: leave it out to have a name chosen
      exit 2
      "
    `)
    expect(await create('-o', 'mtu=small')).toMatchInlineSnapshot(`
      "
      tsnet: reading --opt mtu: small is no MTU: a number of bytes from 68 to 65535
        field: --opt mtu
        value: small
        hint: leave it out to follow the route out of the host
      exit 2
      "
    `)
    expect(await create('-o', 'colour=red')).toMatchInlineSnapshot(`
      "
      tsnet: reading --opt: unknown option "colour"
        field: --opt
        value: colour
        hint: known are mtu, bridge, masquerade, icc, hairpin, isolate, gateway-mode-ipv4, gateway-mode-ipv6, protect, conntrack-limit, dns, domain, forwarders, dns-port
      exit 2
      "
    `)
    expect(await refused([...tsnet, 'network', 'create', 'host'])).toMatchInlineSnapshot(`
      "
      tsnet: reading NAME: "host" means a network mode
        field: NAME
        value: host
        hint: choose another name
      exit 2
      "
    `)
    expect(await refused([...tsnet, 'network', 'rm', 'net'])).toMatchInlineSnapshot(`
      "
      tsnet: finding network net: there is none of that name
        field: NAME
        value: net
        hint: "tsnet network ls" shows all
      exit 3
      "
    `)
  })

  it('whose subnet overlaps a route of the host', async () => {
    await yard.host.sh(
      'ip route add 10.90.0.0/16 via 198.51.100.2; ip -6 route add fd00:90::/32 via 2001:db8:1::2',
    )
    expect(await create('--subnet', '10.90.7.0/24')).toMatchInlineSnapshot(`
      "
      tsnet: checking subnet 10.90.7.0/24: it overlaps route 10.90.0.0/16 via 198.51.100.2 dev eth0
        field: subnet
        value: 10.90.7.0/24
        hint: choose another subnet, or leave it out to have a free one chosen
      exit 4
      "
    `)
    expect(await create('--subnet', 'fd00:90::/64')).toMatchInlineSnapshot(`
      "
      tsnet: checking subnet fd00:90::/64: it overlaps route fd00:90::/32 via 2001:db8:1::2 dev eth0
        field: subnet
        value: fd00:90::/64
        hint: choose another subnet, or leave it out to have a free one chosen
      exit 4
      "
    `)
  })

  it('for which the host has no free subnet', async () => {
    await yard.host.sh(
      'ip route add 10.0.0.0/8 via 198.51.100.2; ip route add 172.16.0.0/12 via 198.51.100.2',
    )
    expect(await setup()).toMatchInlineSnapshot(`
      "
      tsnet: choosing a subnet: every candidate for a /24 of 10.89.0.0/16 and 172.28.0.0/14 overlaps a route, an address or a network of this host
        field: subnet
        hint: give one with --subnet; "ip route" and "tsnet network ls" show what is in use
      exit 4
      "
    `)
  })

  it('whose bridge would have the name of another link', async () => {
    await yard.host.sh('ip link add tsnet0 type veth peer name other')
    expect(await setup()).toMatchInlineSnapshot(`
      "
      tsnet: making bridge tsnet0 for network tsnet: a link of that name is there and is no bridge but a veth
        field: options.bridge
        value: tsnet0
        hint: rename that link, or use a network of your own: "tsnet network create"
      exit 4
      "
    `)
    expect(await create('-o', 'bridge=eth0')).toMatchInlineSnapshot(`
      "
      tsnet: making bridge eth0 for network net: a link of that name is there and is no bridge but a veth
        field: --opt bridge
        value: eth0
        hint: choose another name with -o bridge=NAME
      exit 4
      "
    `)
  })

  it('whose bridge is full', { timeout: 300_000 }, async () => {
    await yard.host.tsnet('network', 'create', 'big', '-o', 'bridge=br-big', {
      env: { TSNET_FIREWALL: 'nftables' },
    })
    const pairs = Array.from(
      { length: 512 },
      (_, i) => `link add a${i} group ${100 + (i % 16)} type veth peer name b${i}\n`,
    )
    const ports = Array.from(
      { length: 512 },
      (_, i) => `link set a${i} master br-big\nlink set b${i} master br-big\n`,
    )
    // One more than fits: the last is refused, and ip goes on.
    await yard.host.run(['ip', '-force', '-batch', '-'], {
      stdin: [...pairs, ...ports].join(''),
      expectExit: 'any',
      timeoutMs: 100_000,
    })
    const { stderr, exitCode } = await yard.host.tsnet(
      ...['setup', '--netns', yard.box.netns, '--id', 'c1', '--network', 'big'],
      { env: { TSNET_FIREWALL: 'nftables' }, expectExit: 'any' },
    )
    expect(`\n${stderr}exit ${exitCode}\n`.replaceAll(/c1-[0-9a-f]{5}/g, 'c1-HASH')).toMatchInlineSnapshot(`
      "
      tsnet: creating veth c1-HASH: EXFULL (no free port)
        value: br-big
        hint: a Linux bridge has at most 1023 ports: use a second network
      exit 4
      "
    `)
    // In portions: all at once the kernel would let no other test change a link for seconds.
    const gone = Array.from({ length: 16 }, (_, nth) => `link del group ${100 + nth}`)
    await yard.host.run(['ip', '-batch', '-'], { stdin: gone.join('\n'), timeoutMs: 100_000 })
    expect((await yard.box.run(['ip', '-br', 'link'])).stdout).toMatch(/^lo +DOWN/)
    expect(await yard.host.tsnetJson('check')).toEqual([])
    expect(await yard.host.tsnetJson('ls')).toEqual([])
  })
})

describe('a document', () => {
  it('that is malformed is told with line and column, or the path of the field', async () => {
    const sandbox = yard.box.netns
    expect(await config('{"sandbox": "/x",\n  "publish": [}')).toMatchInlineSnapshot(`
      "
      tsnet: reading standard input: line 2, column 15 in publish[0]: a value is expected, not "}"
        field: publish[0]
        hint: mend the JSON there; "jq . FILE" checks it
      exit 2
      "
    `)
    expect(await config('')).toMatchInlineSnapshot(`
      "
      tsnet: reading standard input: line 1, column 1: it ends too early
        hint: give a JSON document
      exit 2
      "
    `)
    expect(await config([])).toMatchInlineSnapshot(`
      "
      tsnet: reading the document: it is a list, an object is needed
        field: the document
        value: []
        hint: give an object
      exit 2
      "
    `)
    expect(await config({})).toMatchInlineSnapshot(`
      "
      tsnet: reading sandbox: it is missing, a string or an object is needed
        field: sandbox
        hint: give a string or an object
      exit 2
      "
    `)
    expect(await config({ sandbox, networks: [{ network: 'tsnet', ip: 7 }] })).toMatchInlineSnapshot(`
      "
      tsnet: reading networks[0].ip: it is 7, a string is needed
        field: networks[0].ip
        value: 7
        hint: give a string
      exit 2
      "
    `)
    expect(await config({ sandbox, publish: ['80', { containerPort: '80' }] })).toMatchInlineSnapshot(`
      "
      tsnet: reading publish[1].containerPort: it is "80", a whole number from 1 to 65535 is needed
        field: publish[1].containerPort
        value: 80
        hint: give a whole number from 1 to 65535
      exit 2
      "
    `)
    expect(
      await config({ sandbox, networks: [{ network: 'tsnet', ip: '10.89.0.300' }] }),
    ).toMatchInlineSnapshot(`
      "
      tsnet: reading networks[0].ip: "10.89.0.300" is no IP address
        field: networks[0].ip
        value: 10.89.0.300
        hint: write four decimal numbers such as 10.89.0.2, or IPv6 such as fd00::2
      exit 2
      "
    `)
    expect(await config({ sandbox, container: { nmae: 'web' } })).toMatchInlineSnapshot(`
      "
      tsnet: reading container.nmae: there is no such field
        field: container.nmae
        value: nmae
        hint: did you mean "name"?
      exit 2
      "
    `)
    expect(await config({ sandbox, mode: 'bridged' })).toMatchInlineSnapshot(`
      "
      tsnet: reading mode: it is "bridged", one of "bridge", "host", "none", "container" is needed
        field: mode
        value: bridged
        hint: did you mean "bridge"?
      exit 2
      "
    `)
    expect(await config({ sandbox, sysctls: { 'net.core.somaxconn': true } })).toMatchInlineSnapshot(`
      "
      tsnet: reading sysctls["net.core.somaxconn"]: it is true, a string is needed
        field: sysctls["net.core.somaxconn"]
        value: true
        hint: give a string
      exit 2
      "
    `)
  })
})
