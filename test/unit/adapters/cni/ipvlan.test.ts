/**
 * `ipvlan` behind another plugin: whose addresses it takes, which the test
 * machine's kernel cannot show (CONFIG_IPVLAN).
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import type { PartRequest, PluginEngine } from '../../../../lib/engine/plugins.ts'
import { call, pluginOf } from './call.ts'

const previous = {
  cniVersion: '1.0.0',
  interfaces: [{ name: 'eth7' }],
  ips: [{ address: '10.1.0.5/24', gateway: '10.1.0.1', interface: 0 }],
  routes: [{ dst: '0.0.0.0/0' }],
  dns: { nameservers: ['10.1.0.53'] },
}

/** What the engine is asked for on ADD, and the result. */
async function add(keys: object) {
  const asked: PartRequest<'ipvlan'>[] = []
  const engine = {
    isOwnNetns: () => false,
    hasInterface: async () => false,
    close: async () => undefined,
    parts: {
      add: async (request: PartRequest<'ipvlan'>) => {
        asked.push(request)
        return [{ name: 'eth0', mac: '52:54:00:00:00:01', mtu: 1500, inSandbox: true }]
      },
    },
  } as unknown as PluginEngine
  const conf = { cniVersion: '1.0.0', name: 'n1', type: 'ipvlan', ...keys }
  const { stdout } = await call(await pluginOf('ipvlan'), { stdin: JSON.stringify(conf), engine })
  return { options: asked[0]?.options, result: JSON.parse(stdout) as unknown }
}

const interfaces = [{ name: 'eth0', mac: '52:54:00:00:00:01', mtu: 1500, sandbox: '/proc/1/ns/net' }]

describe('ipvlan', () => {
  it('without ipam takes addresses, routes and name servers of the plugin before', async () => {
    const { options, result } = await add({ prevResult: previous })
    expect(options).toMatchObject({
      master: 'eth7',
      addresses: [{ cidr: '10.1.0.5/24', gateway: '10.1.0.1' }],
      routes: [{ to: '0.0.0.0/0' }],
    })
    expect(result).toEqual({ ...previous, interfaces })
  })

  it('with ipam takes what that gives, and nothing of the plugin before', async () => {
    const ipam = { type: 'static', addresses: [{ address: '10.2.0.5/24' }] }
    const { options, result } = await add({ prevResult: previous, ipam })
    expect(options).toMatchObject({ addresses: [{ cidr: '10.2.0.5/24' }], routes: [] })
    expect(result).toMatchObject({ interfaces, ips: [{ address: '10.2.0.5/24', interface: 0 }] })
  })

  it('that is the first and has no ipam comes up without an address', async () => {
    const { options, result } = await add({ master: 'eth7' })
    expect(options).toMatchObject({ master: 'eth7', addresses: [], routes: [] })
    expect(result).toMatchObject({ interfaces })
  })
})
