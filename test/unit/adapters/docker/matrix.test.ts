/**
 * Every call of the protocol with every member missing, of another kind, far too
 * long, and with one that nobody knows: one sentence, and nothing has changed.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { createEndpoint, createNetwork, endpoint, ids, tryDriver } from './driver.ts'

type Body = Readonly<Record<string, unknown>>

const network = { NetworkID: ids.network }
const pool = {
  AddressSpace: 'TsnetLocal',
  Pool: '10.70.0.0/24',
  SubPool: '10.70.0.0/25',
  Options: { network: 'front' },
  V6: false,
}

/** As dockerd would write it, and what it cannot leave out. */
const calls: Readonly<Record<string, readonly [body: Body, needed: readonly string[]]>> = {
  'Plugin.Activate': [{}, []],
  'NetworkDriver.GetCapabilities': [{}, []],
  'NetworkDriver.GwAllocCheck': [{ Options: {} }, []],
  'NetworkDriver.CreateNetwork': [{ ...createNetwork, NetworkID: ids.other }, ['NetworkID']],
  'NetworkDriver.DeleteNetwork': [network, ['NetworkID']],
  'NetworkDriver.CreateEndpoint': [{ ...createEndpoint, EndpointID: ids.db }, ['NetworkID', 'EndpointID']],
  'NetworkDriver.DeleteEndpoint': [endpoint, ['NetworkID', 'EndpointID']],
  'NetworkDriver.EndpointOperInfo': [endpoint, ['NetworkID', 'EndpointID']],
  'NetworkDriver.Join': [
    { ...endpoint, SandboxKey: '/run/docker/netns/1', Options: {} },
    ['NetworkID', 'EndpointID'],
  ],
  'NetworkDriver.Leave': [endpoint, ['NetworkID', 'EndpointID']],
  'NetworkDriver.ProgramExternalConnectivity': [{ ...endpoint, Options: {} }, ['NetworkID', 'EndpointID']],
  'NetworkDriver.RevokeExternalConnectivity': [endpoint, ['NetworkID', 'EndpointID']],
  'NetworkDriver.DiscoverNew': [{ DiscoveryType: 1, DiscoveryData: {} }, ['DiscoveryType']],
  'NetworkDriver.DiscoverDelete': [{ DiscoveryType: 1, DiscoveryData: {} }, ['DiscoveryType']],
  'NetworkDriver.AllocateNetwork': [{ ...createNetwork, NetworkID: ids.other }, ['NetworkID']],
  'NetworkDriver.FreeNetwork': [network, ['NetworkID']],
  'IpamDriver.GetCapabilities': [{}, []],
  'IpamDriver.GetDefaultAddressSpaces': [{}, []],
  'IpamDriver.RequestPool': [pool, ['AddressSpace']],
  'IpamDriver.ReleasePool': [{ PoolID: 'network.front.4' }, ['PoolID']],
  'IpamDriver.RequestAddress': [{ PoolID: 'network.front.4', Address: '', Options: {} }, ['PoolID']],
  'IpamDriver.ReleaseAddress': [{ PoolID: 'network.front.4', Address: '10.60.0.9' }, ['PoolID', 'Address']],
}

const long = 'x'.repeat(100_000)

/** Of another kind than `value`. */
function strange(value: unknown): readonly unknown[] {
  if (typeof value === 'string') return [7, true, ['x'], { x: 1 }, long]
  if (typeof value === 'boolean') return [7, 'yes', [], {}]
  if (typeof value === 'number') return ['x', -1, 1.5, 1e12, [], {}]
  return Array.isArray(value) ? [7, 'x', true, { x: 1 }, [long]] : [7, 'x', true, ['x']]
}

/** Whatever is in `DiscoveryData` is nobody's business here. */
const free = ['DiscoveryData']

function mistakes([body, needed]: readonly [Body, readonly string[]]): readonly unknown[] {
  const without = needed.map((key) => Object.fromEntries(Object.entries(body).filter(([one]) => one !== key)))
  const wrong = Object.entries(body)
    .filter(([key]) => !free.includes(key))
    .flatMap(([key, value]) => strange(value).map((one) => ({ ...body, [key]: one })))
  return [...without, ...wrong, { ...body, Colour: 'red' }, [body], 'text', 7, null]
}

describe('each mistake in a call is told in one sentence, and changes nothing', () => {
  it.each(Object.entries(calls))('%s', async (method, call) => {
    const tried = tryDriver()
    await tried.call('NetworkDriver.CreateNetwork', createNetwork)
    await tried.call('NetworkDriver.CreateEndpoint', createEndpoint)
    const before = tried.dump()
    const kept = JSON.stringify([tried.engine.ends.list(), tried.engine.pools.list()])
    const wrong: string[] = []
    for (const body of mistakes(call)) {
      const answer = (await tried.call(method, JSON.stringify(body))) as { readonly Err?: string }
      const said = answer.Err ?? 'nothing'
      if (!/^tsnet: [^\n]{10,600}$/.test(said))
        wrong.push(`${JSON.stringify(body).slice(0, 200)}: ${said.slice(0, 200)}`)
    }
    expect(wrong).toEqual([])
    expect(tried.dump()).toBe(before)
    expect(JSON.stringify([tried.engine.ends.list(), tried.engine.pools.list()])).toBe(kept)
  })
})
