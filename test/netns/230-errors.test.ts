/**
 * What cannot be done with a namespace or a value is refused on a host tsnet has never
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
const { refused, setup, tsnet } = yard

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
    expect(
      await refused([...tsnet, 'setup', '--netns', `/proc/${yard.box.pid}/ns/uts`]),
    ).toMatchInlineSnapshot(`
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
      (await refused([...tsnet, 'setup', '--pid', `${yard.host.pid}`])).replaceAll(yard.host.netns, 'HOST'),
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
    await yard.box.sh('ip link add eth7 type veth peer name eth8')
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
