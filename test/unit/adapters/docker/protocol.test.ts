/**
 * Docker's driver protocol, call by call, as dockerd 20.10 writes it.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { createEndpoint, createNetwork, endpoint, ids, tryDriver } from './driver.ts'

describe('what dockerd asks first', () => {
  it.each([
    ['Plugin.Activate', { Implements: ['NetworkDriver', 'IpamDriver'] }],
    ['NetworkDriver.GetCapabilities', { Scope: 'local', ConnectivityScope: 'local', GwAllocChecker: true }],
    ['IpamDriver.GetCapabilities', { RequiresMACAddress: false, RequiresRequestReplay: false }],
    [
      'IpamDriver.GetDefaultAddressSpaces',
      { LocalDefaultAddressSpace: 'TsnetLocal', GlobalDefaultAddressSpace: 'TsnetGlobal' },
    ],
  ])('%s has an empty body', async (method, answer) => {
    expect(await tryDriver().call(method)).toEqual(answer)
  })

  it('a method nobody has heard of is 404: Docker asks some just to find out', async () => {
    const { status } = tryDriver()
    expect(await status('NetworkDriver.Fly', '{}')).toBe(404)
    expect(await status('', '{}')).toBe(404)
    expect(await status('NetworkDriver.EndpointOperInfo/..', '{}')).toBe(404)
  })
})

describe('a network and an endpoint', () => {
  it('come, are joined, published and go, and nothing is left', async () => {
    const { call, dump, engine } = tryDriver()
    const before = dump()
    expect(await call('NetworkDriver.CreateNetwork', createNetwork)).toEqual({})
    const bare = dump()
    expect(bare).toContain('br-ab87ab87ab87')
    expect(await call('NetworkDriver.CreateEndpoint', createEndpoint)).toEqual({
      Interface: { MacAddress: '02:42:0a:3c:00:02' },
    })
    expect(await call('NetworkDriver.Join', { ...endpoint, SandboxKey: '/run/docker/netns/1' })).toEqual({
      InterfaceName: { SrcName: 'td-123412341234', DstPrefix: 'eth' },
      Gateway: '10.60.0.1',
      StaticRoutes: [],
      DisableGatewayService: false,
    })
    const ports = [
      { Proto: 6, IP: '', Port: 81, HostIP: '', HostPort: 8081, HostPortEnd: 8081 },
      { Proto: 6, IP: '', Port: 80, HostIP: '', HostPort: 8080, HostPortEnd: 8080 },
      { Proto: 17, IP: '', Port: 53, HostIP: '127.0.0.1', HostPort: 5353, HostPortEnd: 5355 },
    ]
    const Options = { 'com.docker.network.portmap': ports }
    expect(await call('NetworkDriver.ProgramExternalConnectivity', { ...endpoint, Options })).toEqual({})
    expect(engine.ends.get(ids.web)?.published).toEqual([
      { containerPort: 80, count: 2, hostPort: 8080, protocol: 'tcp' },
      {
        containerPort: 53,
        count: 1,
        hostAddress: '127.0.0.1',
        hostPort: 5353,
        hostPortEnd: 5355,
        protocol: 'udp',
      },
    ])
    expect(dump()).toContain('8080')
    expect(await call('NetworkDriver.EndpointOperInfo', endpoint)).toEqual({
      Value: { 'net.tsnet.bridge': 'br-ab87ab87ab87' },
    })
    expect(await call('NetworkDriver.RevokeExternalConnectivity', endpoint)).toEqual({})
    expect(dump()).not.toContain('8080')
    expect(await call('NetworkDriver.Leave', endpoint)).toEqual({})
    expect(await call('NetworkDriver.DeleteEndpoint', endpoint)).toEqual({})
    expect(dump()).toBe(bare)
    expect(await call('NetworkDriver.DeleteNetwork', { NetworkID: ids.network })).toEqual({})
    expect(dump()).toBe(before)
  })

  it('may be told twice, and removed twice', async () => {
    const { call, dump } = tryDriver()
    const before = dump()
    const calls: readonly [string, object][] = [
      ['NetworkDriver.CreateNetwork', createNetwork],
      ['NetworkDriver.CreateEndpoint', createEndpoint],
      ['NetworkDriver.Join', endpoint],
      ['NetworkDriver.ProgramExternalConnectivity', { ...endpoint, Options: {} }],
      ['NetworkDriver.RevokeExternalConnectivity', endpoint],
      ['NetworkDriver.Leave', endpoint],
      ['NetworkDriver.DeleteEndpoint', endpoint],
      ['NetworkDriver.DeleteNetwork', { NetworkID: ids.network }],
    ]
    for (const [method, body] of calls) {
      const first = await call(method, body)
      expect(first).not.toHaveProperty('Err')
      expect(await call(method, body)).toEqual(first)
    }
    expect(dump()).toBe(before)
  })

  it('keep what Docker has chosen: gateway, range, addresses, MAC, IPv6', async () => {
    const { call } = tryDriver()
    await call('NetworkDriver.CreateNetwork', {
      ...createNetwork,
      IPv4Data: [
        {
          AuxAddresses: { h1: '10.61.0.5/24' },
          Gateway: '10.61.0.128/24',
          Pool: '10.61.0.0/24',
          AddressSpace: 'x',
        },
      ],
      IPv6Data: [{ Gateway: 'fd61::1/64', Pool: 'fd61::/64', AddressSpace: 'x' }],
    })
    expect(
      await call('NetworkDriver.CreateEndpoint', {
        ...createEndpoint,
        Interface: { Address: '10.61.0.140/24', AddressIPv6: 'fd61::99/64', MacAddress: '02:42:ac:11:65:43' },
      }),
    ).toEqual({ Interface: {} })
    expect(await call('NetworkDriver.Join', endpoint)).toMatchObject({
      Gateway: '10.61.0.128',
      GatewayIPv6: 'fd61::1',
    })
  })

  it('an internal network has no way out, and Docker makes none', async () => {
    const { call } = tryDriver()
    const Options = { 'com.docker.network.internal': true }
    await call('NetworkDriver.CreateNetwork', { ...createNetwork, Options })
    await call('NetworkDriver.CreateEndpoint', createEndpoint)
    expect(await call('NetworkDriver.Join', endpoint)).toEqual({
      InterfaceName: { SrcName: 'td-123412341234', DstPrefix: 'eth' },
      StaticRoutes: [],
      DisableGatewayService: true,
    })
  })

  it('with IPAM driver null, tsnet chooses subnet and address', async () => {
    const { call } = tryDriver()
    const IPv4Data = [{ AddressSpace: 'null', Pool: '0.0.0.0/0' }]
    expect(await call('NetworkDriver.CreateNetwork', { ...createNetwork, IPv4Data })).toEqual({})
    const Interface = { Address: '', AddressIPv6: '', MacAddress: '' }
    expect(await call('NetworkDriver.CreateEndpoint', { ...createEndpoint, Interface })).toEqual({
      Interface: { Address: '10.89.0.2/24', MacAddress: '02:42:0a:59:00:02' },
    })
  })

  it('an address that Docker gives again belongs to the new endpoint: the old one was forgotten', async () => {
    const { call, engine } = tryDriver()
    await call('NetworkDriver.CreateNetwork', createNetwork)
    await call('NetworkDriver.CreateEndpoint', createEndpoint)
    expect(
      await call('NetworkDriver.CreateEndpoint', { ...createEndpoint, EndpointID: ids.db }),
    ).not.toHaveProperty('Err')
    expect(engine.ends.list().map(({ id }) => id)).toEqual([ids.db])
  })

  it('a network of tsnet that is there stays there', async () => {
    const { call, engine } = tryDriver()
    await engine.createNetwork({
      name: 'front',
      driver: 'bridge',
      subnets: [{ subnet: '10.60.0.0/24' as never }],
      ipv6: false,
      internal: false,
      options: {},
      labels: {},
    })
    const Options = { 'com.docker.network.generic': { network: 'front' } }
    expect(await call('NetworkDriver.CreateNetwork', { ...createNetwork, Options })).toEqual({})
    await call('NetworkDriver.CreateEndpoint', createEndpoint)
    expect(engine.ends.get(ids.web)?.network).toBe('front')
    await call('NetworkDriver.DeleteEndpoint', endpoint)
    await call('NetworkDriver.DeleteNetwork', { NetworkID: ids.network })
    expect((await engine.listNetworks()).map(({ config }) => config.name)).toEqual(['front'])
  })
})

describe('address pools', () => {
  it('a pool, its gateway, a reserved address, a network, addresses, and back', async () => {
    const { call } = tryDriver()
    const gateway = { RequestAddressType: 'com.docker.network.gateway' }
    const pool = await call('IpamDriver.RequestPool', {
      AddressSpace: 'TsnetLocal',
      Pool: '10.64.0.0/24',
      SubPool: '10.64.0.128/25',
      Options: {},
      V6: false,
    })
    expect(pool).toEqual({
      PoolID: expect.stringMatching(/^pool-[0-9a-f]{12}\.4$/),
      Pool: '10.64.0.0/24',
      Data: {},
    })
    const { PoolID } = pool as { PoolID: string }
    const ask = (Address: string, Options: object | null) =>
      call('IpamDriver.RequestAddress', { PoolID, Address, Options })
    expect(await ask('10.64.0.254', gateway)).toEqual({ Address: '10.64.0.254/24', Data: {} })
    expect(await ask('10.64.0.7', null)).toEqual({ Address: '10.64.0.7/24', Data: {} })
    const IPv4Data = [{ AddressSpace: 'TsnetLocal', Pool: '10.64.0.0/24', Gateway: '10.64.0.254/24' }]
    expect(await call('NetworkDriver.CreateNetwork', { ...createNetwork, IPv4Data })).toEqual({})
    expect(await ask('10.64.0.20', null)).toEqual({ Address: '10.64.0.20/24', Data: {} })
    expect(await ask('10.64.0.20', null)).toMatchObject({ Error: expect.stringContaining('10.64.0.20') })
    for (const Address of ['10.64.0.20', '10.64.0.254', '10.64.0.7'])
      expect(await call('IpamDriver.ReleaseAddress', { PoolID, Address })).toEqual({})
    expect(await call('IpamDriver.ReleasePool', { PoolID })).toEqual({})
    expect(await call('IpamDriver.ReleasePool', { PoolID })).toEqual({})
  })

  it('two pools are never the same one, nor overlap', async () => {
    const { call } = tryDriver()
    const ask = (body: object) => call('IpamDriver.RequestPool', { AddressSpace: 'TsnetLocal', ...body })
    expect(await ask({})).toMatchObject({ Pool: '10.89.0.0/24' })
    expect(await ask({})).toMatchObject({ Pool: '10.89.1.0/24' })
    expect(await ask({ Pool: '10.89.0.0/16' })).toMatchObject({
      Error: expect.stringContaining('overlaps network'),
    })
    expect(await ask({ V6: true })).toMatchObject({ Pool: expect.stringMatching(/^fd.*::\/64$/) })
  })

  it("a network of tsnet's is a pool whose gateway is settled", async () => {
    const { call, engine } = tryDriver()
    await engine.createNetwork({
      name: 'front',
      driver: 'bridge',
      subnets: [{ subnet: '10.60.0.0/24' as never }],
      ipv6: false,
      internal: false,
      options: {},
      labels: {},
    })
    // dockerd would ask again and again: the host has a route to it.
    expect(
      await call('IpamDriver.RequestPool', { AddressSpace: 'TsnetLocal', Options: { network: 'front' } }),
    ).toMatchObject({ Error: expect.stringContaining('add --subnet 10.60.0.0/24') })
    const PoolID = 'network.front.4'
    expect(
      await call('IpamDriver.RequestPool', {
        AddressSpace: 'TsnetLocal',
        Pool: '10.60.0.0/24',
        Options: { network: 'front' },
      }),
    ).toEqual({ PoolID, Pool: '10.60.0.0/24', Data: { 'com.docker.network.gateway': '10.60.0.1/24' } })
    expect(await call('IpamDriver.RequestAddress', { PoolID, Address: '', Options: null })).toEqual({
      Address: '10.60.0.2/24',
      Data: {},
    })
    expect(await call('IpamDriver.ReleaseAddress', { PoolID, Address: '10.60.0.2' })).toEqual({})
  })
})
