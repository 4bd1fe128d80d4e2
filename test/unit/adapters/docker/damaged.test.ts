/**
 * What dockerd has told once, damaged: kept aside and said, Docker can remove
 * whatever it concerns, and others go on.
 *
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { damage } from '../../state/damage.ts'
import { createEndpoint, createNetwork, endpoint, ids, type Tried, tryDriver } from './driver.ts'

const ways = Object.keys(damage)

function hurt({ stateDir }: Tried, below: string, how: string): string {
  const path = `${stateDir}/docker/${below}.json`
  damage[how]?.(path, readFileSync(path, 'utf8'))
  return path
}

const second = {
  ...createNetwork,
  NetworkID: ids.other,
  IPv4Data: [{ AddressSpace: 'LocalDefault', Gateway: '10.61.0.1/24', Pool: '10.61.0.0/24' }],
}

describe.each(ways)('a network of Docker’s whose document is %s', (how) => {
  it('is removed with what is on it, and can be made again', async () => {
    const driver = tryDriver()
    const { call, dump, engine, said } = driver
    await call('NetworkDriver.CreateNetwork', second)
    const before = dump()
    await call('NetworkDriver.CreateNetwork', createNetwork)
    await call('NetworkDriver.CreateEndpoint', createEndpoint)
    const path = hurt(driver, `networks/${ids.network}`, how)
    expect(
      await call('NetworkDriver.Join', { ...endpoint, SandboxKey: '/run/docker/netns/x' }),
    ).toMatchObject({
      Err: expect.stringMatching(/tsnet has none of that id \(remove it and create it again\)/),
    })
    expect(said).toEqual([expect.stringContaining(`${path}.unreadable`)])
    // The other one is served all the while.
    const other = { NetworkID: ids.other, EndpointID: ids.db }
    const asked = { Address: '10.61.0.2/24', AddressIPv6: '', MacAddress: '' }
    expect(
      await call('NetworkDriver.CreateEndpoint', { ...createEndpoint, ...other, Interface: asked }),
    ).toMatchObject({ Interface: { MacAddress: expect.any(String) } })
    await call('NetworkDriver.DeleteEndpoint', other)
    expect(await call('NetworkDriver.DeleteEndpoint', endpoint)).toEqual({})
    expect(await call('NetworkDriver.DeleteNetwork', { NetworkID: ids.network })).toEqual({})
    expect(dump()).toBe(before)
    expect((await engine.listNetworks()).map(({ config }) => config.name)).toEqual([
      `docker-${ids.other.slice(0, 12)}`,
    ])
    expect(await call('NetworkDriver.CreateNetwork', createNetwork)).toEqual({})
    expect(await call('NetworkDriver.DeleteNetwork', { NetworkID: ids.network })).toEqual({})
    expect(dump()).toBe(before)
  })

  it('is removed by the first word of it, without any other before', async () => {
    const driver = tryDriver()
    const before = driver.dump()
    await driver.call('NetworkDriver.CreateNetwork', createNetwork)
    hurt(driver, `networks/${ids.network}`, how)
    expect(await driver.call('NetworkDriver.DeleteNetwork', { NetworkID: ids.network })).toEqual({})
    expect(await driver.engine.listNetworks()).toEqual([])
    expect(driver.dump()).toBe(before)
  })
})

describe.each(ways)('an endpoint with published ports whose records are %s', (how) => {
  const portmap = [{ Proto: 6, IP: '', Port: 80, HostIP: '', HostPort: 8080, HostPortEnd: 8080 }]
  const published = { ...endpoint, Options: { 'com.docker.network.portmap': portmap } }
  const db = { NetworkID: ids.network, EndpointID: ids.db }
  const neighbour = {
    ...{ ...createEndpoint, ...db },
    Interface: { Address: '10.60.0.3/24', AddressIPv6: '', MacAddress: '' },
  }

  it.each([[['']], [['~ports']], [['', '~ports']]])(
    'lost %j: Docker takes it down with its rules, and nobody else',
    async (lost) => {
      const driver = tryDriver()
      const { call, dump, engine } = driver
      await call('NetworkDriver.CreateNetwork', createNetwork)
      await call('NetworkDriver.CreateEndpoint', neighbour)
      const before = dump()
      await call('NetworkDriver.CreateEndpoint', createEndpoint)
      await call('NetworkDriver.Join', endpoint)
      await call('NetworkDriver.ProgramExternalConnectivity', published)
      expect(dump()).toContain('8080')
      for (const which of lost) {
        const path = `${driver.stateDir}/containers/~${ids.web}${which}.json`
        damage[how]?.(path, readFileSync(path, 'utf8'))
      }
      for (const method of ['RevokeExternalConnectivity', 'Leave', 'DeleteEndpoint'])
        expect(await call(`NetworkDriver.${method}`, endpoint)).toEqual({})
      expect(dump()).toBe(before)
      expect(engine.ends.list().map(({ id }) => id)).toEqual([ids.db])
      // All of it can be had again.
      await call('NetworkDriver.CreateEndpoint', createEndpoint)
      expect(await call('NetworkDriver.ProgramExternalConnectivity', published)).toEqual({})
      for (const method of ['Leave', 'DeleteEndpoint']) await call(`NetworkDriver.${method}`, endpoint)
      expect(dump()).toBe(before)
      await call('NetworkDriver.DeleteEndpoint', db)
      expect(await call('NetworkDriver.DeleteNetwork', { NetworkID: ids.network })).toEqual({})
      expect(readdirSync(driver.stateDir)).toEqual(expect.not.arrayContaining(['containers']))
    },
  )
})

it.each(ways)('an address pool whose document is %s: released, and others are given', async (how) => {
  const driver = tryDriver()
  const ask = { AddressSpace: 'TsnetLocal' }
  const { PoolID } = (await driver.call('IpamDriver.RequestPool', ask)) as { PoolID: string }
  const [name = ''] = readdirSync(`${driver.stateDir}/docker/pools`)
  hurt(driver, `pools/${name.replace(/\.json$/, '')}`, how)
  expect(await driver.call('IpamDriver.ReleasePool', { PoolID })).toEqual({})
  expect(await driver.call('IpamDriver.RequestPool', ask)).toMatchObject({ Pool: '10.89.0.0/24' })
  expect(driver.engine.pools.list()).toHaveLength(1)
})
