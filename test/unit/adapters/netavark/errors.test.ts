/**
 * Every error text of the contract on one page: what was wrong, the exit code,
 * what is said. Those that Debian's netavark knows too are compared with it in
 * test/netns/422-netavark-errors.test.ts.
 *
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fail } from '../../../../lib/errors/codes.ts'
import { type Given, netavark } from './netavark.ts'
import { type Json, type Podman, podman4, podman6, port } from './requests.ts'

const netns = '/proc/self/ns/net'
let config: string

beforeAll(() => {
  config = mkdtempSync(join(tmpdir(), 'tsnet-errors-'))
})
afterAll(() => rmSync(config, { recursive: true }))

interface Case extends Given {
  /** Behind `--config DIR`; absent: setup. */
  readonly argv?: readonly string[]
  readonly bare?: true
}

const changed = (change: (podman: Podman) => void): Case => ({ stdin: podman6(change) })
const network = (fields: Json): Case => changed((podman) => Object.assign(podman.network, fields))
const joining = (fields: Json): Case => changed((podman) => Object.assign(podman.joining, fields))
const options = (fields: Json): Case => network({ options: fields })
const routed = (route: Json): Case => network({ routes: [route] })
const published = (fields: Json): Case =>
  changed(({ call }) => {
    call['port_mappings'] = [port(fields)]
  })
const without = (which: keyof Podman, field: string): Case =>
  changed((podman) => {
    delete podman[which][field]
  })
const refusing = (method: string, error: () => Error): NonNullable<Case['engine']> => ({
  [method]: () => Promise.reject(error()),
})
const said = (...argv: readonly string[]): Case => ({ argv, bare: true, stdin: podman6() })
const document = (stdin: string): Case => ({ stdin })
function halfUndone(): Error {
  const error = fail('TSNET_PROGRAM_FAILED', { message: 'adding veth0: not permitted', hint: 'run as root' })
  error.undo.push(new Error('deleting podman9: busy'))
  return error
}
const unmanaged = (
  links: Readonly<Record<string, string>>,
  engine: NonNullable<Case['engine']> = {},
): Case => ({
  ...network({ dns_enabled: true, options: { mode: 'unmanaged' } }),
  links,
  engine,
})

const cases: Readonly<Record<string, Case>> = {
  'no document': document(''),
  'no JSON': document('x'),
  'half a word': document('nul'),
  'a misspelt word': document('{"container_id": nuke}'),
  'a document cut in a text': document('{"container_id'),
  'a document cut in a list': document('{"networks":[1'),
  'a document cut in an object': document('{"container_id":"c"'),
  'a document cut before a value': document('{"container_id":'),
  'a bad escape': document('{"\\x":1}'),
  'a control character': document('{"a\u0001":1}'),
  'a bad number': document('{"a":-}'),
  'a list without comma': document('{"a":[1 2]}'),
  'an object without comma': document('{"a":1 "b":2}'),
  'an object without colon': document('{"a" 1}'),
  'a key that is no text': document('{1:2}'),
  'a trailing comma': document('{"container_id":"c",}'),
  'something behind it': document('{} x'),
  'too deep': document('['.repeat(200)),
  'a number instead of it': document('3'),
  'no container_id': without('call', 'container_id'),
  'no networks': without('call', 'networks'),
  'no interface_name': without('joining', 'interface_name'),
  'no name of a network in the array': without('joining', 'name'),
  'an empty interface_name': joining({ interface_name: '' }),
  'no static_ips': without('joining', 'static_ips'),
  'an address that is none': joining({ static_ips: ['x'] }),
  'an address outside the subnets': joining({ static_ips: ['10.1.1.1'] }),
  'a MAC address that is none': joining({ static_mac: 'zz' }),
  'a network without its network_info': changed(({ call }) => {
    call['network_info'] = {}
  }),
  'an unknown driver': network({ driver: 'foo' }),
  'an unknown driver, netavark 1': document(
    podman4((podman) => {
      podman.network['driver'] = 'foo'
    }),
  ),
  'an unknown ipam driver': network({ ipam_options: { driver: 'foo' } }),
  'a managed bridge with dhcp': network({ ipam_options: { driver: 'dhcp' } }),
  'an ipvlan with dhcp': network({ driver: 'ipvlan', ipam_options: { driver: 'dhcp' } }),
  'a bridge without name': network({ network_interface: '' }),
  'a bridge that is something else': { ...document(podman6()), links: { podman9: 'veth' } },
  'a bridge whose kind is unknown': { ...document(podman6()), links: { podman9: '' } },
  'an unmanaged bridge that is not there': unmanaged({}),
  'an unmanaged bridge without address': unmanaged({ podman9: 'bridge' }, { linkAddresses: async () => [] }),
  'a VRF that is not there': options({ vrf: 'red' }),
  'a VRF that is something else': { ...options({ vrf: 'red' }), links: { red: 'veth' } },
  'a link that is there already': {
    ...document(podman6()),
    engine: refusing('attach', () => fail('TSNET_IFNAME_IN_USE', { message: 'eth0 is there' })),
  },
  'a host name of a link that is taken': {
    ...joining({ options: { host_interface_name: 'web0' } }),
    engine: refusing('attach', () => fail('TSNET_IFNAME_IN_USE', { message: 'web0 is there' })),
  },
  'an mtu that is no number': options({ mtu: 'x' }),
  'an empty mtu': options({ mtu: '' }),
  'an mtu that is too big': options({ mtu: '4294967296' }),
  'isolate=maybe': options({ isolate: 'maybe' }),
  'no_default_route=maybe': options({ no_default_route: 'maybe' }),
  'a vlan that is none': options({ vlan: '5000' }),
  'an unknown mode of a bridge': options({ mode: 'x' }),
  'an unknown mode of a macvlan': network({ driver: 'macvlan', options: { mode: 'x' } }),
  'an unknown mode of an ipvlan': network({ driver: 'ipvlan', options: { mode: 'x' } }),
  'an outbound address that is none': options({ outbound_addr4: 'x' }),
  'a route of an unknown type': routed({ destination: '10.0.0.0/8', route_type: 'x' }),
  'a route without gateway': routed({ destination: '10.0.0.0/8' }),
  'a blackhole with gateway': routed({
    destination: '10.0.0.0/8',
    gateway: '10.70.9.9',
    route_type: 'blackhole',
  }),
  'subnets that overlap': network({ subnets: [{ subnet: '10.70.9.0/24' }, { subnet: '10.70.0.0/16' }] }),
  'a name server that is the gateway': changed((podman) => {
    podman.network['dns_enabled'] = true
    podman.call['dns_servers'] = ['10.70.9.1']
  }),
  'a protocol that is none': published({ protocol: 'icmp' }),
  'a host address that is none': published({ host_ip: 'x' }),
  'a port that is too big': published({ host_port: 70_000 }),
  'a firewall that is none': { ...document(podman6()), env: { NETAVARK_FW: 'foo' } },
  'driver firewalld without a bus': { ...document(podman6()), env: { NETAVARK_FW: 'firewalld' } },
  'a DNS port that is none': { ...document(podman6()), env: { NETAVARK_DNS_PORT: 'x' } },
  'a failure of the engine, with what could not be undone': {
    ...document(podman6()),
    engine: refusing('attach', halfUndone),
  },
  'a teardown that fails once': {
    argv: ['teardown', netns],
    stdin: podman6(),
    engine: refusing('detach', () => new Error('first')),
  },
  'a teardown that fails twice': {
    argv: ['teardown', netns],
    stdin: podman6(({ call, network: one, joining: join_ }) => {
      call['network_info'] = { front: one, back: { ...one, name: 'back', id: '01'.repeat(32) } }
      call['networks'] = [join_, { ...join_, name: 'back', interface_name: 'eth1' }]
    }),
    engine: refusing('detach', () => new Error('cannot')),
  },
  'a namespace that is not there': { argv: ['setup', '/run/netns/nope'], stdin: podman6() },
  'a file that is not there': { argv: ['-f', '/nope', 'setup', netns], stdin: '' },
  'no --config': said('setup', netns),
  'no --config of an update': said('update', 'front', '--network-dns-servers', ''),
  'an update with a server that is none': { argv: ['update', 'front', '--network-dns-servers', '1.1.1.1,x'] },
  'a rootless call': said('--rootless=true', 'setup', netns),
  'usage: an unknown verb': said('foo'),
  'usage: an unknown option': said('--foo', 'setup', netns),
  'usage: an option without value': said('--file'),
  'usage: rootless that is neither': said('-r', 'x', 'setup', netns),
  'usage: setup of nothing': said('setup'),
  'usage: setup of two': said('setup', 'a', 'b'),
  'usage: update without servers': said('update', 'front'),
}

describe('netavark', () => {
  it('has one error text for each thing that can be wrong, exit code 1 for it, 2 for its command line', async () => {
    const lines: string[] = []
    for (const [name, { argv = ['setup', netns], bare, ...given }] of Object.entries(cases)) {
      const words = bare === true ? argv : ['--config', config, ...argv]
      const { code, stdout, stderr } = await netavark(words, given)
      expect({ name, code }).toEqual({ name, code: name.startsWith('usage') ? 2 : 1 })
      const { error, ...rest } = (stdout === '' ? { error: stderr } : JSON.parse(stdout)) as {
        readonly error: string
      }
      expect({ name, rest }).toEqual({ name, rest: {} })
      lines.push(`${name}\n    ${error.trimEnd().replaceAll('\n', '\n    ').replaceAll(config, 'CONFIG')}\n`)
    }
    await expect(lines.join('\n')).toMatchFileSnapshot('../../../golden/adapters/netavark/errors.txt')
  })
})
