/**
 * `static`: every key changes the result, and what beats what.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { call, pluginOf } from './call.ts'

const address = { address: '10.1.0.5/24' }

async function ask(
  command: string,
  {
    ipam,
    args = '',
    ...keys
  }: { readonly ipam: object; readonly args?: string; readonly [key: string]: unknown },
): Promise<Record<string, unknown>> {
  const said = await call(await pluginOf('static'), {
    env: { CNI_COMMAND: command, CNI_ARGS: args },
    stdin: JSON.stringify({
      cniVersion: '1.1.0',
      name: 'n1',
      type: 'x',
      ipam: { type: 'static', ...ipam },
      ...keys,
    }),
  })
  return said.stdout === '' ? {} : JSON.parse(said.stdout)
}

describe('static', () => {
  it.each<[key: string, given: Parameters<typeof ask>[1], result: Record<string, unknown>]>([
    ['addresses', { ipam: { addresses: [address] } }, { ips: [address] }],
    [
      'addresses.gateway',
      { ipam: { addresses: [{ ...address, gateway: '10.1.0.1' }] } },
      { ips: [{ ...address, gateway: '10.1.0.1' }] },
    ],
    [
      'routes',
      { ipam: { addresses: [address], routes: [{ dst: '192.0.2.0/24', gw: '10.1.0.9' }] } },
      { ips: [address], routes: [{ dst: '192.0.2.0/24', gw: '10.1.0.9' }] },
    ],
    [
      'dns',
      { ipam: { addresses: [address], dns: { nameservers: ['192.0.2.53'] } } },
      { ips: [address], dns: { nameservers: ['192.0.2.53'] } },
    ],
    [
      'runtimeConfig.ips, which replace them',
      { ipam: { addresses: [address] }, runtimeConfig: { ips: ['10.1.0.7/24'] } },
      { ips: [{ address: '10.1.0.7/24' }] },
    ],
    [
      'IP and GATEWAY of CNI_ARGS, which are added',
      { ipam: { addresses: [address] }, args: 'IP=10.1.0.8/24;GATEWAY=10.1.0.1' },
      {
        ips: [
          { ...address, gateway: '10.1.0.1' },
          { address: '10.1.0.8/24', gateway: '10.1.0.1' },
        ],
      },
    ],
  ])('%s', async (_, given, result) => {
    expect(await ask('ADD', given)).toEqual({ cniVersion: '1.1.0', ...result })
  })

  it('wants prefix lengths', async () => {
    expect(await ask('ADD', { ipam: { addresses: [{ address: '10.1.0.5' }] } })).toMatchObject({ code: 7 })
  })

  it('CHECK finds an address or a gateway that the result lacks', async () => {
    const ipam = { addresses: [{ ...address, gateway: '10.1.0.1' }] }
    const check = (ips: readonly object[]): Promise<object> =>
      ask('CHECK', { ipam, prevResult: { cniVersion: '1.1.0', ips } })
    expect(await check([{ ...address, gateway: '10.1.0.1' }])).toEqual({})
    expect(await check([])).toMatchObject({ code: 999, msg: expect.stringContaining('10.1.0.5/24') })
    expect(await check([{ ...address, gateway: '10.1.0.2' }])).toMatchObject({ code: 999 })
  })

  it.each(['DEL', 'GC', 'STATUS'])('%s has nothing to do', async (command) => {
    expect(await ask(command, { ipam: { addresses: [address] } })).toEqual({})
  })
})
