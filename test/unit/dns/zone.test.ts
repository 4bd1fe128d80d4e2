/**
 * Who sees which names.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { keyOf } from '../../../lib/dns/wire.ts'
import { addressKey, createZone } from '../../../lib/dns/zone.ts'
import { lookup } from '../../../lib/dns/zone-lookup.ts'
import type { Address, Cidr } from '../../../lib/model/address.ts'

const address = (text: string): Address => text as Address

function yard() {
  const zone = createZone()
  for (const [name, number] of [
    ['front', 1],
    ['back', 2],
  ] as const) {
    zone.putNetwork({
      name,
      listen: [address(`10.1.${number}.1`)],
      subnets: [`10.1.${number}.0/24` as Cidr],
      internal: name === 'back',
    })
  }
  const put = (id: string, network: string, at: string, rest: { readonly group?: string } = {}) =>
    zone.putContainer({
      id,
      names: [id.replace('~', '-')],
      endpoints: [{ network, addresses: [address(at)], aliases: [] }],
      ...rest,
    })
  const sees = (asker: string, name: string): readonly Address[] => {
    const view = zone.view(addressKey(address(asker)), asker.startsWith('10.1.1.') ? 'front' : 'back')
    return view === undefined
      ? []
      : lookup(view, keyOf(name) as string).entries.flatMap(({ addresses }) => addresses)
  }
  return { zone, put, sees }
}

describe('a container that was put on its networks one by one', () => {
  it('sees the names of all of them from each of its addresses, as long as it is on them', () => {
    const { zone, put, sees } = yard()
    put('web', 'front', '10.1.1.2')
    put('db', 'back', '10.1.2.2')
    put('c~eth0', 'front', '10.1.1.3', { group: 'c' })
    expect([sees('10.1.1.3', 'web'), sees('10.1.1.3', 'db')]).toEqual([['10.1.1.2'], []])
    put('c~eth1', 'back', '10.1.2.3', { group: 'c' })
    for (const asker of ['10.1.1.3', '10.1.2.3']) {
      expect([sees(asker, 'web'), sees(asker, 'db')]).toEqual([['10.1.1.2'], ['10.1.2.2']])
    }
    // Nobody sees by way of it.
    expect([sees('10.1.1.2', 'db'), sees('10.1.2.2', 'web')]).toEqual([[], []])
    zone.dropContainer('c~eth0')
    expect([sees('10.1.2.3', 'web'), sees('10.1.2.3', 'db')]).toEqual([[], ['10.1.2.2']])
  })

  it('is cut off from the outside only while all of them are internal', () => {
    const { zone, put } = yard()
    const isCutOff = (): boolean | undefined => zone.view(addressKey(address('10.1.2.3')), 'back')?.internal
    put('c~eth1', 'back', '10.1.2.3', { group: 'c' })
    expect(isCutOff()).toBe(true)
    put('c~eth0', 'front', '10.1.1.3', { group: 'c' })
    expect(isCutOff()).toBe(false)
    zone.dropContainer('c~eth0')
    expect(isCutOff()).toBe(true)
  })
})
