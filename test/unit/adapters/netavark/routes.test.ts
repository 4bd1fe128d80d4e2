/**
 * Routes that lead nowhere, on networks whose link is the administrator's: macvlan,
 * ipvlan, and bridges beyond which a DHCP server is.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { netavark } from './netavark.ts'
import { type Json, podman6 } from './requests.ts'

const netns = '/proc/self/ns/net'
const argv = (verb: string): readonly string[] => ['--config', '/nowhere', verb, netns]
const lease = {
  address: '192.0.2.7/24',
  gateway: '192.0.2.1',
  nameServers: [],
  search: [],
  routes: [],
}
const done = async (): Promise<undefined> => undefined
const dhcp = { 'dhcp.acquire': async () => lease, 'dhcp.release': done, 'parts.address': done }

const kinds: readonly (readonly [kind: string, type: string, fields: Json])[] = [
  ['macvlan', 'macvlan', { driver: 'macvlan' }],
  ['ipvlan', 'ipvlan', { driver: 'ipvlan' }],
  ['macvlan with DHCP', 'macvlan', { driver: 'macvlan', ipam_options: { driver: 'dhcp' } }],
  ['a bridge with DHCP', 'bridge', { options: { mode: 'unmanaged' }, ipam_options: { driver: 'dhcp' } }],
]

const call = (fields: Json): string =>
  podman6(({ network, joining }) => {
    Object.assign(network, { network_interface: 'eno1', ...fields })
    network['routes'] = [
      { destination: '10.8.0.0/16', gateway: '10.70.9.9' },
      { destination: '10.9.0.0/16', route_type: 'blackhole' },
      { destination: '10.10.0.0/16', route_type: 'prohibit', metric: 5 },
    ]
    if (fields['ipam_options'] === undefined) return
    delete network['subnets']
    delete joining['static_ips']
  })

const names = (calls: readonly (readonly unknown[])[]): readonly string[] =>
  calls
    .filter(([name]) => /^parts\.(add|remove)$/.test(String(name)))
    .map(([name, part]) => `${String(name)} ${(part as { readonly type: string }).type}`)

describe.each(kinds)('%s', (_, type, fields) => {
  const links = { eno1: 'bridge' }
  const stdin = call(fields)

  it('gets them beside its link', async () => {
    const { code, calls } = await netavark(argv('setup'), { stdin, links, engine: dhcp })
    expect({ code, names: names(calls) }).toEqual({
      code: 0,
      names: [`parts.add ${type}`, 'parts.add netavark'],
    })
    expect(calls.at(-1)).toMatchObject([
      'parts.add',
      {
        id: { network: 'front', container: '0123456789ab', ifname: 'eth0' },
        options: {
          routes: [
            { type: 'blackhole', to: '10.9.0.0/16', metric: 100 },
            { type: 'prohibit', to: '10.10.0.0/16', metric: 5 },
          ],
          seen: { unmanaged: true },
        },
      },
    ])
  })

  it('takes its link back where they cannot be made', async () => {
    const add = async ({ type: made }: { readonly type: string }): Promise<unknown> => {
      if (made === 'netavark') throw new Error('no room')
      return [{ name: 'eth0', mac: '02:42:0a:46:09:02', mtu: 1500, inSandbox: true }]
    }
    const engine = { ...dhcp, 'parts.add': add as (...args: readonly unknown[]) => unknown }
    const { code, calls, stdout } = await netavark(argv('setup'), { stdin, links, engine })
    expect({ code, stdout }).toEqual({ code: 1, stdout: '{"error":"no room"}\n' })
    expect(names(calls)).toEqual([`parts.add ${type}`, 'parts.add netavark', `parts.remove ${type}`])
  })

  it('has them taken away, and its link whatever becomes of them', async () => {
    const list = async () => [{ network: 'front', container: '0123456789ab', ifname: 'eth0' }]
    const engine = { ...dhcp, 'parts.list': list }
    const gone = await netavark(argv('teardown'), { stdin, links, engine })
    expect({ code: gone.code, names: names(gone.calls) }).toEqual({
      code: 0,
      names: ['parts.remove netavark', `parts.remove ${type}`],
    })
    const remove = async ({ type: left }: { readonly type: string }): Promise<void> => {
      if (left === 'netavark') throw new Error('stuck')
    }
    const stuck = await netavark(argv('teardown'), {
      stdin,
      links,
      engine: { ...engine, 'parts.remove': remove as (...args: readonly unknown[]) => unknown },
    })
    expect({ code: stuck.code, names: names(stuck.calls) }).toEqual({
      code: 1,
      names: ['parts.remove netavark', `parts.remove ${type}`],
    })
  })

  it('without any of ours leaves those of the other netavark alone', async () => {
    const { code, calls } = await netavark(argv('teardown'), { stdin, links, engine: dhcp })
    expect({ code, names: names(calls) }).toEqual({ code: 0, names: [`parts.remove ${type}`] })
  })
})
