/**
 * Bad input, given to Debian's netavark 1.4 and to ours: the same JSON, the same
 * exit code. Where ours says something else, `otherwise` has its words and why.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import type { Host } from '../../netns-fixtures/host.ts'
import { createLab } from '../../netns-fixtures/lab.ts'
import { repository } from '../../netns-fixtures/place.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'
import { type Json, type Podman, podman4, port } from '../unit/adapters/netavark/requests.ts'

needs('root', 'ip', 'iptables', 'veth', 'bridge', 'netavark', 'built')

interface Case {
  readonly input: string
  /** Behind `--config DIR`; absent: setup of a namespace. */
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

const changed = (change: (podman: Podman) => void): Case => ({ input: podman4(change) })
const without = (which: keyof Podman, field: string): Case =>
  changed((podman) => {
    delete podman[which][field]
  })
const network = (fields: Json): Case => changed((podman) => Object.assign(podman.network, fields))
const joining = (fields: Json): Case => changed((podman) => Object.assign(podman.joining, fields))
const published = (fields: Json): Case =>
  changed(({ call }) => {
    call['port_mappings'] = [port(fields)]
  })
const said = (args: readonly string[], input = podman4()): Case => ({ input, args })

const cases: Readonly<Record<string, Case>> = {
  'nothing at all': { input: '' },
  'no JSON': { input: 'x' },
  'half a word': { input: 'nul' },
  'a misspelt word': { input: '{"container_id": nuke}' },
  'JSON that ends too early': { input: '{"container_id":' },
  'a number': { input: '3' },
  'a trailing comma': { input: '{"container_id": "c",}' },
  'a container without id': without('call', 'container_id'),
  'a container without name': without('call', 'container_name'),
  'no networks': without('call', 'networks'),
  'no network_info': without('call', 'network_info'),
  'an interface without name': without('joining', 'interface_name'),
  'an empty interface name': joining({ interface_name: '' }),
  'no addresses': without('joining', 'static_ips'),
  'an address that is none': joining({ static_ips: ['x'] }),
  'a MAC address with letters': joining({ static_mac: 'zz:00:00:00:00:01' }),
  'a MAC address with a big part': joining({ static_mac: '100:00:00:00:00:01' }),
  'a short MAC address': joining({ static_mac: '02:00:00:00:01' }),
  'a network without driver': without('network', 'driver'),
  'a network that does not say whether it has names': without('network', 'dns_enabled'),
  'a network whose names are yes': network({ dns_enabled: 'yes' }),
  'a bridge without name': without('network', 'network_interface'),
  'a bridge with an empty name': network({ network_interface: '' }),
  'a bridge that is lo': network({ network_interface: 'lo' }),
  'a bridge that is a veth': network({ network_interface: 'va' }),
  'a subnet that is none': network({ subnets: [{ subnet: 'x' }] }),
  'an unknown driver': network({ driver: 'foo' }),
  'an unknown ipam driver': network({ ipam_options: { driver: 'foo' } }),
  'an MTU that is no number': network({ options: { mtu: 'x' } }),
  'an empty MTU': network({ options: { mtu: '' } }),
  'an MTU that is too big': network({ options: { mtu: '4294967296' } }),
  'isolate=maybe': network({ options: { isolate: 'maybe' } }),
  'an unknown macvlan mode': network({ driver: 'macvlan', options: { mode: 'x' } }),
  'a macvlan parent that is not there': network({ driver: 'macvlan', network_interface: 'nope' }),
  'a macvlan network on a host without default route': network({ driver: 'macvlan', network_interface: '' }),
  'a port that is too big': published({ host_port: 70_000 }),
  'a port without number': published({ host_port: undefined }),
  'a namespace that is not there': said(['setup', '/run/netns/nope']),
  'a namespace that is none': said(['setup', '/etc/hostname']),
  'a file that is not there': said(['-f', '/nope', 'setup', '/run/netns/box']),
  'an unknown firewall': { input: podman4(), env: { NETAVARK_FW: 'foo' } },
  'a DNS port that is none': { input: podman4(), env: { NETAVARK_DNS_PORT: 'x' } },
  'an unknown verb': said(['foo']),
  'setup of nothing': said(['setup']),
  'setup of two': said(['setup', 'a', 'b']),
  'an unknown option': said(['--foo', 'setup', 'a']),
  'rootless that is neither': said(['-r', 'x', 'setup', 'a']),
  'an option without value': said(['--file']),
}

/** Ours, where Debian's goes on, fails late, or leaves something behind. */
const otherwise: Readonly<Record<string, Case & { readonly ours: string }>> = {
  'a network that is in networks only: Debian’s does nothing and succeeds': {
    ...changed(({ call }) => {
      call['network_info'] = {}
    }),
    ours: 'network info for network front not found',
  },
  'an address outside the subnets: Debian’s leaves a bridge behind': {
    ...joining({ static_ips: ['10.1.1.1'] }),
    ours: 'IO error: static ip 10.1.1.1 is not in any subnet of network front: 10.70.9.0/24',
  },
  'a VLAN that is none: Debian’s does not look': {
    ...network({ options: { vlan: '5000' } }),
    ours: 'vlan must be between 0 and 4094',
  },
  'a protocol that is none': { ...published({ protocol: 'icmp' }), ours: 'unknown port protocol "icmp"' },
  'a host address that is none': {
    ...published({ host_ip: 'x' }),
    ours: 'invalid host ip "x" provided for port 8080',
  },
  'subnets that overlap': {
    ...network({
      subnets: [
        { subnet: '10.70.9.0/24', gateway: '10.70.9.1' },
        { subnet: '10.70.0.0/16', gateway: '10.70.0.1' },
      ],
    }),
    ours: 'overlapping subnets: 10.70.9.0/24 and 10.70.0.0/16',
  },
  'a name server that is the gateway': {
    ...changed((podman) => {
      podman.network['dns_enabled'] = true
      podman.call['dns_servers'] = ['10.70.9.1']
    }),
    ours: 'dns server 10.70.9.1 is the gateway of network front: it would ask itself',
  },
  'a VRF that is not there': {
    ...network({ options: { vrf: 'red' } }),
    ours: 'get vrf to set up bridge interface: Netlink error: No such device (os error 19)',
  },
  'a VRF that is something else': {
    ...network({ options: { vrf: 'va' } }),
    ours: 'vrf va already exists but is a Veth interface',
  },
  'an unmanaged bridge that is not there': {
    ...network({ options: { mode: 'unmanaged' } }),
    ours: 'in unmanaged mode, the bridge must already exist on the host: Netlink error: No such device (os error 19)',
  },
  'a rootless call (decisions 34)': {
    ...said(['--rootless=true', 'setup', '/run/netns/box']),
    ours: "rootless containers are not supported by tsnet's netavark: use podman as root, or its own netavark",
  },
}

interface Answer {
  readonly exitCode: number
  readonly stdout: string
}

/** Without a daemon, whose log would be news on the host. */
async function ask(host: Host, folder: string, { input, args, env = {} }: Case): Promise<Answer> {
  const words = ['--config', '/run/nv', ...(args ?? ['setup', '/run/netns/box'])]
  const { exitCode, stdout } = await host.run(
    ['sh', '-c', 'printf %s "$INPUT" | "$@"', 'sh', `${folder}/netavark`, ...words],
    { env: { INPUT: input, TSNET_VIA: 'local', ...env }, expectExit: 'any' },
  )
  return { exitCode, stdout }
}

const prepare =
  'mkdir -p /run/nv /run/netns && ip link set lo up && ip netns add box && ip link add va type veth peer name vb'
const debians = '/usr/lib/podman'
const ours = `${repository}dist/podman`

describe('netavark', () => {
  it('says of bad input what Debian’s says, and changes nothing', { timeout: 120_000 }, async () => {
    await using lab = await createLab()
    const [theirHost, host] = [await lab.host('theirs'), await lab.host('ours')]
    for (const one of [theirHost, host]) await one.sh(prepare)
    const before = await snapshot(host)
    for (const [name, one] of Object.entries(cases)) {
      expect({ name, ...(await ask(host, ours, one)) }).toEqual({
        name,
        ...(await ask(theirHost, debians, one)),
      })
    }
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
  })

  it('says more, and sooner, where Debian’s goes on', { timeout: 120_000 }, async () => {
    await using lab = await createLab()
    const host = await lab.host('ours')
    await host.sh(prepare)
    const before = await snapshot(host)
    for (const [name, one] of Object.entries(otherwise)) {
      expect({ name, ...(await ask(host, ours, one)) }).toEqual({
        name,
        exitCode: 1,
        stdout: `${JSON.stringify({ error: one.ours })}\n`,
      })
    }
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
  })

  it('a second setup is the error Debian’s gives, and the container goes on', async () => {
    await using lab = await createLab()
    const host = await lab.host('ours')
    await host.sh(prepare)
    const one = { input: podman4() }
    expect((await ask(host, ours, one)).exitCode).toBe(0)
    const running = await snapshot(host)
    const error =
      'create veth pair: interface eth0 already exists on container namespace: Netlink error: File exists (os error 17)'
    expect(await ask(host, ours, one)).toEqual({ exitCode: 1, stdout: `${JSON.stringify({ error })}\n` })
    expect(snapshotDifference(running, await snapshot(host))).toEqual([])
    for (const _ of ['first', 'second']) {
      expect(await ask(host, ours, { ...one, args: ['teardown', '/run/netns/box'] })).toEqual({
        exitCode: 0,
        stdout: '',
      })
    }
  })
})
