/**
 * Calls dockerd would never make, and options people mistype: one sentence, and
 * nothing has changed.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { longestBodyBytes } from '../../../../lib/adapters/docker/protocol.ts'
import { createEndpoint, createNetwork, endpoint, ids, type Tried, tryDriver } from './driver.ts'

/** What the call is refused with; the kernel is as it was. */
async function refusal(tried: Tried, method: string, body: object | string): Promise<string> {
  const before = tried.dump()
  const answer = await tried.call(method, body)
  expect(tried.dump()).toBe(before)
  return (answer as { Err?: string }).Err ?? `no error: ${JSON.stringify(answer)}`
}

describe('a call that is no call', () => {
  it.each([
    ['NetworkDriver.CreateNetwork', '{', 'line 1, column 2'],
    ['NetworkDriver.CreateNetwork', '[]', 'reading the document: it is a list, an object is needed'],
    ['NetworkDriver.CreateNetwork', {}, 'reading NetworkID: it is missing, a string is needed'],
    ['NetworkDriver.CreateNetwork', { NetworkID: 7 }, 'reading NetworkID: it is 7, a string is needed'],
    ['NetworkDriver.CreateNetwork', { NetworkID: '../../etc' }, 'reading NetworkID: "../../etc" is no id'],
    ['NetworkDriver.CreateNetwork', { NetworkID: 'a'.repeat(200) }, 'is no id of Docker'],
    [
      'NetworkDriver.CreateNetwork',
      { ...createNetwork, Colour: 'red' },
      'reading Colour: there is no such field',
    ],
    [
      'NetworkDriver.CreateNetwork',
      { ...createNetwork, Options: { colour: 1 } },
      'no such field as "colour"',
    ],
    [
      'NetworkDriver.CreateNetwork',
      { ...createNetwork, IPv4Data: {} },
      'reading IPv4Data: it is an object, a list',
    ],
    [
      'NetworkDriver.CreateNetwork',
      { ...createNetwork, IPv4Data: [{ Pool: '10.60.0.1/24' }] },
      'reading IPv4Data[0].Pool: 10.60.0.1/24 has bits set beyond its prefix length',
    ],
    ['NetworkDriver.DeleteNetwork', { NetworkID: '' }, 'reading NetworkID: "" is no id'],
    ['NetworkDriver.CreateEndpoint', { NetworkID: ids.network }, 'reading EndpointID: it is missing'],
    [
      'NetworkDriver.CreateEndpoint',
      { ...createEndpoint, Interface: { Address: '10.60.0.2' } },
      'reading Interface.Address: "10.60.0.2" is no address with a prefix length',
    ],
    [
      'NetworkDriver.CreateEndpoint',
      { ...createEndpoint, Interface: { MacAddress: 'ff:ff:ff:ff:ff:ff' } },
      'reading Interface.MacAddress',
    ],
    ['NetworkDriver.Join', { ...endpoint, SandboxKey: 4 }, 'reading SandboxKey: it is 4, a string is needed'],
    ['NetworkDriver.DiscoverNew', { DiscoveryType: 'node' }, 'reading DiscoveryType'],
    [
      'IpamDriver.RequestPool',
      { AddressSpace: 'LocalDefault' },
      'reading AddressSpace: "LocalDefault" is none',
    ],
    [
      'IpamDriver.RequestPool',
      { AddressSpace: 'TsnetLocal', V6: 'yes' },
      'reading V6: it is "yes", true or false',
    ],
    [
      'IpamDriver.RequestPool',
      { AddressSpace: 'TsnetLocal', SubPool: '10.0.0.0/25' },
      'is a range of no subnet',
    ],
    [
      'IpamDriver.RequestPool',
      { AddressSpace: 'TsnetLocal', Options: { colour: 'red' } },
      'reading --ipam-opt colour: there is no such option',
    ],
    ['IpamDriver.RequestAddress', { PoolID: '../x.4' }, 'reading PoolID: "../x.4" is no pool'],
    [
      'IpamDriver.ReleaseAddress',
      { PoolID: 'pool-1.4', Address: 'x' },
      'reading Address: "x" is no IP address',
    ],
  ] as const)('%s %j', async (method, body, words) => {
    expect(await refusal(tryDriver(), method, body as object)).toContain(words)
  })

  it('a body longer than any of Docker is not read', async () => {
    const { status } = tryDriver()
    expect(longestBodyBytes).toBe(4 * 1024 * 1024)
    expect(await status('NetworkDriver.CreateNetwork', undefined)).toBe(200)
  })
})

describe('what is not there', () => {
  it.each([
    [
      'NetworkDriver.CreateEndpoint',
      createEndpoint,
      'finding network ab87ab87ab87: tsnet has none of that id',
    ],
    ['NetworkDriver.Join', endpoint, 'finding network ab87ab87ab87'],
    ['NetworkDriver.EndpointOperInfo', endpoint, 'finding network ab87ab87ab87'],
    ['NetworkDriver.ProgramExternalConnectivity', endpoint, 'finding network ab87ab87ab87'],
    ['NetworkDriver.AllocateNetwork', createNetwork, 'networks of tsnet belong to one host'],
    ['IpamDriver.RequestAddress', { PoolID: 'pool-000000000000.4' }, 'finding address pool'],
    [
      'IpamDriver.RequestPool',
      { AddressSpace: 'TsnetLocal', Options: { network: 'nobody' } },
      'finding network nobody',
    ],
  ] as const)('%s says so', async (method, body, words) => {
    expect(await refusal(tryDriver(), method, body)).toContain(words)
  })

  it('an endpoint nobody made cannot be joined', async () => {
    const tried = tryDriver()
    await tried.call('NetworkDriver.CreateNetwork', createNetwork)
    expect(await refusal(tried, 'NetworkDriver.Join', endpoint)).toContain(
      'finding endpoint 123412341234: tsnet has none of that id',
    )
  })
})

describe('what is taken', () => {
  it.each([
    [{}, 'overlaps network docker-ab87ab87ab87 (10.60.0.0/24)'],
    [
      {
        IPv4Data: [{ Pool: '10.61.0.0/24', Gateway: '10.61.0.1/24' }],
        Options: { 'com.docker.network.generic': { 'com.docker.network.bridge.name': 'br-ab87ab87ab87' } },
      },
      'bridge br-ab87ab87ab87 belongs to network docker-ab87ab87ab87',
    ],
  ])('a second network on the same subnet or bridge: %j', async (body, words) => {
    const tried = tryDriver()
    await tried.call('NetworkDriver.CreateNetwork', createNetwork)
    expect(
      await refusal(tried, 'NetworkDriver.CreateNetwork', {
        ...createNetwork,
        NetworkID: ids.other,
        ...body,
      }),
    ).toContain(words)
  })

  it('the same network with other settings', async () => {
    const tried = tryDriver()
    await tried.call('NetworkDriver.CreateNetwork', createNetwork)
    expect(await refusal(tried, 'NetworkDriver.CreateNetwork', { ...createNetwork, IPv4Data: [] })).toContain(
      'creating network ab87ab87ab87: it is there with other settings',
    )
  })

  it('a port of another container', async () => {
    const tried = tryDriver()
    const Options = {
      'com.docker.network.portmap': [{ Proto: 6, Port: 80, HostPort: 8080, HostPortEnd: 8080 }],
    }
    await tried.call('NetworkDriver.CreateNetwork', createNetwork)
    await tried.call('NetworkDriver.CreateEndpoint', createEndpoint)
    await tried.call('NetworkDriver.ProgramExternalConnectivity', { ...endpoint, Options })
    const second = { ...createEndpoint, EndpointID: ids.db, Interface: { Address: '10.60.0.3/24' } }
    await tried.call('NetworkDriver.CreateEndpoint', second)
    const other = { ...endpoint, EndpointID: ids.db, Options }
    expect(await refusal(tried, 'NetworkDriver.ProgramExternalConnectivity', other)).toContain(
      'publishing 8080/tcp: held by container 1234',
    )
  })
})

describe('docker network create -o', () => {
  const create = (options: object, more: object = {}) =>
    refusal(tryDriver(), 'NetworkDriver.CreateNetwork', {
      ...createNetwork,
      Options: { 'com.docker.network.generic': options, ...more },
    })

  it.each([
    [{ mtuu: '1400' }, 'unknown option "mtuu" (did you mean "mtu"?)'],
    [{ mtu: 'big' }, 'reading -o mtu'],
    [{ 'com.docker.network.driver.mtu': '9' }, '9 is no MTU'],
    [
      { 'com.docker.network.bridge.enable_iccc': 'x' },
      'did you mean "com.docker.network.bridge.enable_icc"?',
    ],
    [{ 'com.docker.network.bridge.enable_icc': 'maybe' }, 'neither true nor false'],
    [{ 'com.docker.network.bridge.name': 'a name' }, 'interface name "a name"'],
    [{ 'com.docker.network.bridge.host_binding_ipv4': '1.2.3' }, '"1.2.3" is no IP address'],
    [
      { 'com.docker.network.bridge.gateway_mode_ipv4': 'isolated' },
      'isolated needs a network that is --internal',
    ],
    [{ 'com.docker.network.bridge.gateway_mode_ipv4': 'natt' }, 'did you mean "nat"?'],
    [{ 'com.docker.network.host_ipv4': '192.0.2.1' }, 'networks of tsnet do not have it'],
    [{ 'com.docker.network.container_iface_prefix': 'much-too-long-for-it' }, 'bytes long'],
    [{ network: 'nobody' }, 'using network nobody: tsnet has none of that name'],
    [{ network: 'host' }, 'means a network mode'],
  ])('%j', async (options, words) => {
    expect(await create(options)).toContain(words)
  })

  it('--driver-opt of an endpoint that nobody knows', async () => {
    const tried = tryDriver()
    await tried.call('NetworkDriver.CreateNetwork', createNetwork)
    expect(
      await refusal(tried, 'NetworkDriver.CreateEndpoint', { ...createEndpoint, Options: { colour: 'red' } }),
    ).toContain('reading --driver-opt colour: there is no such option')
  })
})

/** Options that make no difference before there is an endpoint, or a question. */
const later: readonly string[] = ['domain', 'dns', 'forwarders', 'dns-port', 'hairpin']

describe('options that say something', () => {
  it.each([
    ['com.docker.network.bridge.name', 'mybr', { bridge: 'mybr' }],
    ['com.docker.network.bridge.enable_ip_masquerade', 'false', { masquerade: false }],
    ['com.docker.network.bridge.enable_icc', 'false', { icc: false }],
    ['com.docker.network.driver.mtu', '1400', { mtuBytes: 1400 }],
    ['com.docker.network.bridge.inhibit_ipv4', 'true', { addressed: false }],
    ['com.docker.network.bridge.gateway_mode_ipv4', 'nat-unprotected', { gatewayMode4: 'nat-unprotected' }],
    ['com.docker.network.bridge.gateway_mode_ipv6', 'routed', { gatewayMode6: 'routed' }],
    ['isolate', 'false', { isolate: false }],
    ['domain', 'example.internal', { domain: 'example.internal' }],
    ['dns', 'false', { dns: false }],
    ['forwarders', '192.0.2.53', { forwarders: ['192.0.2.53'] }],
    ['dns-port', '5300', { dnsPort: 5300 }],
    ['hairpin', 'false', { hairpin: false }],
  ])('-o %s=%s', async (key, value, made) => {
    const { call, dump, engine } = tryDriver()
    const Options = { 'com.docker.network.generic': { [key]: value } }
    const dualStack = { ...createNetwork, IPv6Data: [{ Gateway: 'fd61::1/64', Pool: 'fd61::/64' }] }
    expect(await call('NetworkDriver.CreateNetwork', { ...dualStack, Options })).toEqual({})
    expect(engine.network('docker-ab87ab87ab87')?.options).toMatchObject(made)
    // What is made on the host is another thing than without the option, but for names and what endpoints are made with.
    const without = tryDriver()
    await without.call('NetworkDriver.CreateNetwork', dualStack)
    expect(dump() === without.dump()).toBe(later.includes(key))
  })

  it('-o com.docker.network.bridge.host_binding_ipv4 is where ports without an address are published', async () => {
    const { call, engine } = tryDriver()
    const generic = { 'com.docker.network.bridge.host_binding_ipv4': '127.0.0.1' }
    const Options = { 'com.docker.network.generic': generic }
    await call('NetworkDriver.CreateNetwork', { ...createNetwork, Options })
    await call('NetworkDriver.CreateEndpoint', createEndpoint)
    const portmap = [
      { Proto: 6, Port: 80, HostPort: 8080 },
      { Proto: 6, Port: 81, HostPort: 8081, HostIP: '0.0.0.0' },
    ]
    await call('NetworkDriver.ProgramExternalConnectivity', {
      ...endpoint,
      Options: { 'com.docker.network.portmap': portmap },
    })
    expect(engine.ends.get(ids.web)?.published).toEqual([
      { containerPort: 81, count: 1, hostAddress: '0.0.0.0', hostPort: 8081, protocol: 'tcp' },
      { containerPort: 80, count: 1, hostAddress: '127.0.0.1', hostPort: 8080, protocol: 'tcp' },
    ])
  })

  it('-o com.docker.network.container_iface_prefix names the interface', async () => {
    const { call } = tryDriver()
    const Options = { 'com.docker.network.generic': { 'com.docker.network.container_iface_prefix': 'net' } }
    await call('NetworkDriver.CreateNetwork', { ...createNetwork, Options })
    await call('NetworkDriver.CreateEndpoint', createEndpoint)
    expect(await call('NetworkDriver.Join', endpoint)).toMatchObject({
      InterfaceName: { DstPrefix: 'net' },
    })
  })

  it('a network without a gateway of its own needs none from Docker', async () => {
    const generic = { 'com.docker.network.bridge.gateway_mode_ipv4': 'isolated' }
    const Options = { 'com.docker.network.internal': true, 'com.docker.network.generic': generic }
    const { call } = tryDriver()
    expect(await call('NetworkDriver.GwAllocCheck', { Options })).toEqual({ SkipIPv4: true, SkipIPv6: true })
    expect(await call('NetworkDriver.GwAllocCheck', { Options: {} })).toEqual({
      SkipIPv4: false,
      SkipIPv6: false,
    })
  })
})
