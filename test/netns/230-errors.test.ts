/**
 * What cannot be done is refused on a host tsnet has never touched: the whole
 * text, the exit code, and not a trace.
 *
 * Mistakes beside a container that is there are in 070-cli, those about
 * addresses in 220-leases, about ports in 200-portmapping.
 *
 * @module
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Container, Host } from '../../netns-fixtures/host.ts'
import { createLab, type Lab } from '../../netns-fixtures/lab.ts'
import { repository } from '../../netns-fixtures/place.ts'
import type { RunOptions } from '../../netns-fixtures/process.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { differences, layStreet, leavesNothing } from './traceless.ts'

let lab: Lab
let host: Host
let box: Container

beforeEach(async () => {
  needs('root', 'ip', 'nft', 'iptables-nft', 'veth', 'bridge', 'ipv6')
  lab = await createLab()
  host = (await layStreet(lab)).host
  box = await host.container()
})

afterEach(async () => {
  await lab?.dispose()
})

const tsnet = [process.execPath, `${repository}dist/bin/tsnet`]

/** Runs a command that must fail without a trace. */
async function refused(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  let text = ''
  const changed = await differences(host, async () => {
    const { stderr, exitCode } = await host.run(argv, {
      expectExit: 'any',
      ...options,
      env: { TSNET_FIREWALL: 'nftables', ...options.env },
    })
    text = `\n${stderr
      .replaceAll(box.netns, 'NETNS')
      .replaceAll(`/proc/${box.pid}/`, '/proc/PID/')
      .replaceAll(/process \d+/g, 'process PID')}exit ${exitCode}\n`
  })
  expect(changed).toEqual([])
  return text
}

const setup = (...words: string[]): Promise<string> =>
  refused([...tsnet, 'setup', '--netns', box.netns, '--id', 'c1', ...words])

const create = (...words: string[]): Promise<string> =>
  refused([...tsnet, 'network', 'create', 'net', ...words])

const config = (document: unknown): Promise<string> =>
  refused([...tsnet, 'setup', '--config', '-'], {
    stdin: typeof document === 'string' ? document : JSON.stringify(document),
  })

describe('a namespace', () => {
  it('that is none, is gone, is of another kind or is our own', async () => {
    expect(await refused([...tsnet, 'setup', '--pid', '4194304'])).toMatchInlineSnapshot(`
      "
      tsnet: opening network namespace /proc/4194304/ns/net: no such process or namespace
        field: sandbox.path
        value: /proc/4194304/ns/net
        hint: is the process still running? see \`ip netns list\`, \`lsns -t net\`
      exit 2
      "
    `)
    expect(await refused([...tsnet, 'setup', '--netns', `/proc/${box.pid}/ns/uts`])).toMatchInlineSnapshot(`
      "
      tsnet: opening network namespace /proc/PID/ns/uts: it is a namespace of another kind
        field: sandbox.path
        value: /proc/PID/ns/uts
        hint: the network namespace of a process is /proc/PID/ns/net
      exit 2
      "
    `)
    expect(await refused([...tsnet, 'setup', '--netns', '/etc/hostname'])).toMatchInlineSnapshot(`
      "
      tsnet: opening network namespace /etc/hostname: it is no namespace
        field: sandbox.path
        value: /etc/hostname
        hint: a name below /run/netns is only a namespace while \`ip netns\` has it mounted; or use /proc/PID/ns/net
      exit 2
      "
    `)
    expect(await refused([...tsnet, 'setup', '--netns', '/'])).toMatchInlineSnapshot(`
      "
      tsnet: opening network namespace /: it is no namespace
        field: sandbox.path
        value: /
        hint: a name below /run/netns is only a namespace while \`ip netns\` has it mounted; or use /proc/PID/ns/net
      exit 2
      "
    `)
    expect(await refused([...tsnet, 'setup', '--pid', 'self'])).toMatchInlineSnapshot(`
      "
      tsnet: reading --pid: "self" is no pid
        field: --pid
        value: self
        hint: give one of a path such as /proc/PID/ns/net, a pid, or a name below /run/netns
      exit 2
      "
    `)
    expect(
      (await refused([...tsnet, 'setup', '--pid', `${host.pid}`])).replaceAll(host.netns, 'HOST'),
    ).toMatchInlineSnapshot(`
      "
      tsnet: opening HOST: it is the network namespace tsnet itself runs in
        field: sandbox
        value: HOST
        hint: give the container a namespace of its own (unshare -n), or use --network host
      exit 2
      "
    `)
  })

  it('that has an interface of that name already', async () => {
    await box.sh('ip link add eth7 type veth peer name eth8')
    expect(await setup('--network', 'bridge:ifname=eth7')).toMatchInlineSnapshot(`
      "
      tsnet: naming the interface eth7: the sandbox has one of that name already
        field: ifname
        value: eth7
        hint: it has lo, eth8, eth7; choose another with --network NAME:ifname=…
      exit 4
      "
    `)
  })
})

describe('a value', () => {
  it('that is no address, MAC, port, protocol, name or size', async () => {
    expect(await setup('--ip', '10.89.0.300')).toMatchInlineSnapshot(`
      "
      tsnet: reading --ip: "10.89.0.300" is no IP address
        field: --ip
        value: 10.89.0.300
        hint: write four decimal numbers such as 10.89.0.2, or IPv6 such as fd00::2
      exit 2
      "
    `)
    expect(await setup('--mac', '01:00:5e:00:00:01')).toMatchInlineSnapshot(`
      "
      tsnet: reading --mac: "01:00:5e:00:00:01" is no unicast MAC address
        field: --mac
        value: 01:00:5e:00:00:01
        hint: write six hex pairs with an even first one, such as 02:42:0a:59:00:02
      exit 2
      "
    `)
    expect(await setup('--mtu', '67')).toMatchInlineSnapshot(`
      "
      tsnet: reading --mtu: 67 is no MTU: a number of bytes from 68 to 65535
        field: --mtu
        value: 67
        hint: leave it out to follow the route out of the host
      exit 2
      "
    `)
    expect(await setup('-p', '70000:80')).toMatchInlineSnapshot(`
      "
      tsnet: reading --publish: "70000" is no port from 1 to 65535
        field: --publish
        value: 70000
        hint: write a number from 1 to 65535
      exit 2
      "
    `)
    expect(await setup('-p', '80:80/icmp')).toMatchInlineSnapshot(`
      "
      tsnet: reading --publish: "icmp" is no protocol that can be published
        field: --publish
        value: icmp
        hint: use tcp, udp or sctp
      exit 2
      "
    `)
    expect(await setup('-p', '80-90:80')).toMatchInlineSnapshot(`
      "
      tsnet: reading --publish: 11 ports on the host for 1 port of the container in "80-90:80"
        field: --publish
        value: 80-90:80
        hint: give two ranges of the same size, or leave the host port out to have one chosen
      exit 2
      "
    `)
    expect(await setup('-p', '192.0.2.99:80:80')).toMatchInlineSnapshot(`
      "
      tsnet: publishing on 192.0.2.99: this host does not have that address
        field: --publish
        value: 192.0.2.99
        hint: see the addresses of this host with \`ip addr\`
      exit 2
      "
    `)
    expect(await setup('--network', 'bridge:ifname=sixteen-letters-')).toMatchInlineSnapshot(`
      "
      tsnet: reading --network ifname: interface name "sixteen-letters-" is 16 bytes long, the kernel takes 15
        field: --network ifname
        value: sixteen-letters-
        hint: choose another, such as eth0
      exit 2
      "
    `)
    expect(await setup('--sysctl', 'kernel.hostname=evil')).toMatchInlineSnapshot(`
      "
      tsnet: reading --sysctl: "kernel.hostname" does not belong to a network namespace
        field: --sysctl
        value: kernel.hostname
        hint: only keys that begin with net. can be set for one container
      exit 2
      "
    `)
    expect(await setup('--firewall', 'ipfw')).toMatchInlineSnapshot(`
      "
      tsnet: reading --firewall: "ipfw" is no firewall backend
        field: --firewall
        value: ipfw
        hint: use iptables, nftables or none
      exit 2
      "
    `)
  })

  it('that the kernel does not take', async () => {
    expect(await setup('--sysctl', 'net.ipv4.ip_forward=on')).toMatchInlineSnapshot(`
      "
      tsnet: setting sysctl net.ipv4.ip_forward to "on" in the sandbox: the kernel does not take that value: EINVAL (invalid argument)
        field: sysctls
        value: net.ipv4.ip_forward=on
        hint: "sysctl net.ipv4.ip_forward" shows a value it takes
      exit 2
      "
    `)
    expect(
      await setup('--sysctl', 'net.ipv4.conf.eth0.rp_filter=2', '--sysctl', 'net.ipv4.ip_default_ttl=999'),
    ).toMatchInlineSnapshot(`
      "
      tsnet: setting sysctl net.ipv4.ip_default_ttl to "999" in the sandbox: the kernel does not take that value: EINVAL (invalid argument)
        field: sysctls
        value: net.ipv4.ip_default_ttl=999
        hint: "sysctl net.ipv4.ip_default_ttl" shows a value it takes
      exit 2
      "
    `)
    expect(await setup('--sysctl', 'net.ipv4.tcp_congestion_control=none')).toMatchInlineSnapshot(`
      "
      tsnet: setting sysctl net.ipv4.tcp_congestion_control to "none" in the sandbox: the kernel does not take that value: ENOENT (no such file or directory)
        field: sysctls
        value: net.ipv4.tcp_congestion_control=none
        hint: "sysctl net.ipv4.tcp_congestion_control" shows a value it takes
      exit 2
      "
    `)
    expect(await setup('--mtu', '1000')).toMatchInlineSnapshot(`
      "
      tsnet: reading mtu: network tsnet has IPv6, which needs 1280 bytes; 1000 were given
        field: mtu
        value: 1000
        hint: raise the MTU, or use a network without IPv6
      exit 2
      "
    `)
    expect(await setup('--sysctl', 'net.ipv4.ip_forward=on', '--dry-run')).toMatchInlineSnapshot(`
      "
      tsnet: setting sysctl net.ipv4.ip_forward to "on" in the sandbox: the kernel does not take that value: EINVAL (invalid argument)
        field: sysctls
        value: net.ipv4.ip_forward=on
        hint: "sysctl net.ipv4.ip_forward" shows a value it takes
      exit 2
      "
    `)
  })

  it('that the kernel does not know', async () => {
    expect(await setup('--sysctl', 'net.ipv4.no_such_key=1')).toMatchInlineSnapshot(`
      "
      tsnet: setting sysctl net.ipv4.no_such_key in the sandbox: there is no such sysctl
        field: sysctls
        value: net.ipv4.no_such_key
        hint: "sysctl -a" lists those of this kernel; a module that is not loaded yet may bring more
      exit 2
      "
    `)
  })
})

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
      tsnet: reading subnets[0]: 127.0.0.0/24 overlaps 127.0.0.0/8 (loopback)
        field: subnets[0]
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
      tsnet: reading subnets[0].range: 10.90.0.0/16 is not within 10.90.0.0/24
        field: subnets[0].range
        value: 10.90.0.0/16
        hint: give a smaller prefix of the subnet
      exit 2
      "
    `)
    expect(await create('--subnet', '10.90.0.0/24', '--subnet', '10.91.0.0/24')).toMatchInlineSnapshot(`
      "
      tsnet: reading subnets[1]: 10.91.0.0/24 is a second IPv4 subnet
        field: subnets[1]
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
        hint: known are mtu, bridge, masquerade, icc, hairpin, isolate, dns, domain, forwarders, dns-port
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
        field: network
        value: net
        hint: "tsnet network create net" makes it
      exit 3
      "
    `)
  })

  it('whose subnet overlaps a route of the host', async () => {
    await host.sh(
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
    await host.sh('ip route add 10.0.0.0/8 via 198.51.100.2; ip route add 172.16.0.0/12 via 198.51.100.2')
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
    await host.sh('ip link add tsnet0 type veth peer name other')
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
        field: options.bridge
        value: eth0
        hint: choose another name with -o bridge=NAME
      exit 4
      "
    `)
  })

  it('whose bridge is full', async () => {
    await host.tsnet('network', 'create', 'big', '-o', 'bridge=br-big', {
      env: { TSNET_FIREWALL: 'nftables' },
    })
    const pairs = Array.from({ length: 512 }, (_, i) => `link add a${i} type veth peer name b${i}\n`)
    const ports = Array.from(
      { length: 512 },
      (_, i) => `link set a${i} master br-big\nlink set b${i} master br-big\n`,
    )
    // One more than fits: the last is refused, and ip goes on.
    await host.run(['ip', '-force', '-batch', '-'], {
      stdin: [...pairs, ...ports].join(''),
      expectExit: 'any',
      timeoutMs: 50_000,
    })
    const { stderr, exitCode } = await host.tsnet(
      ...['setup', '--netns', box.netns, '--id', 'c1', '--network', 'big'],
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
    expect((await box.run(['ip', '-br', 'link'])).stdout).toMatch(/^lo +DOWN/)
    expect(await host.tsnetJson('check')).toEqual([])
    expect(await host.tsnetJson('ls')).toEqual([])
  })
})

describe('a document', () => {
  it('that is malformed is told with line and column, or the path of the field', async () => {
    const sandbox = box.netns
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

describe('a host', () => {
  it('that lacks a program the backend needs', async () => {
    await host.sh('mount --bind /dev/null /usr/sbin/xtables-nft-multi')
    expect(await setup('--firewall', 'iptables')).toMatchInlineSnapshot(`
      "
      tsnet: starting iptables-restore: no such program on the path
        value: iptables-restore
        hint: apt-get install iptables
      exit 69
      "
    `)
    await host.sh(
      'for file in /usr/sbin/nft /usr/lib/*/libnftables.so.1; do mount --bind /dev/null $(readlink -f $file); done',
    )
    expect(await setup('--firewall', 'nftables')).toMatchInlineSnapshot(`
      "
      tsnet: starting nft: no such program on the path
        value: nft
        hint: apt-get install nftables
      exit 69
      "
    `)
  })

  it('that has taken capabilities away, or is seen from a user namespace', async () => {
    const words = ['setup', '--netns', box.netns]
    expect(
      await refused(['setpriv', '--inh-caps=-net_admin', '--bounding-set=-net_admin', ...tsnet, ...words]),
    ).toMatchInlineSnapshot(`
      "
      tsnet: checking rights: not given CAP_NET_ADMIN
        hint: the container or service tsnet runs in must be given them
      exit 77
      "
    `)
    expect(await refused(['unshare', '-U', '-r', ...tsnet, ...words])).toMatchInlineSnapshot(`
      "
      tsnet: opening network namespace NETNS: EACCES (permission denied)
        field: sandbox.path
        value: NETNS
        hint: run as root; it must be allowed to trace the process behind NETNS (ptrace(2))
      exit 77
      "
    `)
  })

  it('whose configuration is wrong', async () => {
    await host.sh('echo \'{"firewal": "nftables"}\' > /etc/tsnet/config.json')
    expect(await setup()).toMatchInlineSnapshot(`
      "
      tsnet: reading /etc/tsnet/config.json: firewal cannot be used
        field: firewal
        value: nftables
        hint: known keys are firewall, publishAddress, dns, dnsPort, dnsWorkers and drivers
      exit 2
      "
    `)
    await host.sh('echo \'{"firewall": "ipfw"}\' > /etc/tsnet/config.json')
    expect(await setup()).toMatchInlineSnapshot(`
      "
      tsnet: reading /etc/tsnet/config.json: firewall cannot be used
        field: firewall
        value: ipfw
        hint: use iptables, nftables or none
      exit 2
      "
    `)
    await host.sh("echo '{' > /etc/tsnet/config.json")
    expect(await setup()).toMatchInlineSnapshot(`
      "
      tsnet: reading /etc/tsnet/config.json: Expected property name or '}' in JSON at position 2
        hint: mend or remove /etc/tsnet/config.json, then run "tsnet gc"
      exit 69
      "
    `)
  })

  it('whose state folder cannot be written, or is full', async () => {
    expect(await setup('--state-dir', '/proc/tsnet')).toMatchInlineSnapshot(`
      "
      tsnet: writing /proc/tsnet: ENOENT: no such file or directory, mkdir '/proc/tsnet'
        hint: make room there, or choose another folder with --state-dir
      exit 69
      "
    `)
    expect(await setup('--state-dir', '/etc/hostname')).toMatchInlineSnapshot(`
      "
      tsnet: opening the lock /etc/hostname/locks/host: ENOTDIR (not a directory)
        value: /etc/hostname/locks/host
      exit 69
      "
    `)
    await host.sh(
      'mkdir /run/small; mount -t tmpfs -o size=4k tmpfs /run/small; head -c 4096 /dev/zero > /run/small/x',
    )
    expect(await setup('--state-dir', '/run/small')).toMatchInlineSnapshot(`
      "
      tsnet: writing /run/small/boot: ENOSPC: no space left on device, write
        hint: make room there, or choose another folder with --state-dir
      exit 69
      "
    `)
  })

  it('whose records were changed by hand', async () => {
    await leavesNothing(host, async () => {
      const env = { TSNET_FIREWALL: 'nftables' }
      await host.tsnet('setup', '--netns', box.netns, '--id', 'c1', { env })
      await host.sh('cp /run/tsnet/containers/c1.json /run/c1; echo "{" > /run/tsnet/containers/c1.json')
      expect(await refused([...tsnet, 'ls'])).toMatchInlineSnapshot(`
        "
        tsnet: reading /run/tsnet/containers/c1.json: Expected property name or '}' in JSON at position 2
          hint: mend or remove /run/tsnet/containers/c1.json, then run "tsnet gc"
        exit 69
        "
      `)
      await host.sh('mv /run/c1 /run/tsnet/containers/c1.json')
      await host.tsnet('teardown', 'c1')
    })
  })
})
