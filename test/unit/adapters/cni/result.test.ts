/**
 * Results of every version, from and to the one shape inside.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { type CniResult, decodeResult, encodeResult } from '../../../../lib/adapters/cni/result.ts'
import { allVersions } from '../../../../lib/adapters/cni/versions.ts'

const golden = (name: string): string =>
  new URL(`../../../golden/adapters/cni/${name}.json`, import.meta.url).pathname

const full = {
  interfaces: [
    { name: 'cni0', mac: '02:00:00:00:00:01', mtu: 1500 },
    { name: 'veth1', mac: '02:00:00:00:00:02', mtu: 1500 },
    { name: 'eth0', mac: '02:00:00:00:00:03', mtu: 1500, sandbox: '/run/netns/a' },
  ],
  ips: [
    { address: '10.22.0.2/24', gateway: '10.22.0.1', interface: 2 },
    { address: 'fd00::2/64', gateway: 'fd00::1', interface: 2 },
  ],
  routes: [
    { dst: '0.0.0.0/0' },
    { dst: '192.0.2.0/24', gw: '10.22.0.9', priority: 7, mtu: 1400 },
    { dst: '::/0', gw: 'fd00::1' },
  ],
  dns: { nameservers: ['192.0.2.53'], domain: 'example.org', search: ['example.org'], options: ['ndots:2'] },
} as unknown as CniResult

describe('results', () => {
  it.each(allVersions)('of version %s are printed as the specification says', async (version) => {
    const text = `${JSON.stringify(encodeResult(full, version), null, 2)}\n`
    await expect(text).toMatchFileSnapshot(golden(`result-${version}`))
  })

  it.each(allVersions)('of version %s are read again as they were printed', (version) => {
    const printed = encodeResult(full, version)
    expect(encodeResult(decodeResult(printed, version), version)).toEqual(printed)
  })

  it('without addresses cannot be told before 0.3.0', () => {
    const bare = { ...full, ips: [] }
    expect(() => encodeResult(bare, '0.2.0')).toThrow('no valid IP addresses')
    expect(encodeResult(bare, '0.3.0')).not.toHaveProperty('ips')
  })
})
