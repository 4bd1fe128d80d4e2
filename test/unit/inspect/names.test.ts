/**
 * Which name stands for an address in tables and captures, where several have it.
 */
import { describe, expect, it } from 'vitest'
import type { NamespaceView } from '../../../lib/index.ts'
import { addressNames } from '../../../lib/inspect/names.ts'

interface Given {
  readonly name: string
  readonly address: string
  /** Id of the namespace its other end is in; the host's is `0`. */
  readonly peer?: string
  readonly record?: string
  /** A process alone, of no engine. */
  readonly bare?: true
}

const view = ({ name, address, peer, record, bare }: Given, at: number): NamespaceView =>
  ({
    id: String(at),
    name,
    own: at === 0,
    ...(bare ? {} : { container: { id: `id-${at}` } }),
    ...(record === undefined ? {} : { record }),
    netnsNames: [],
    interfaces: [
      {
        name: 'eth0',
        addresses: [`${address}/24`],
        ...(peer === undefined ? {} : { peer: { name: 'veth', namespace: peer } }),
      },
    ],
  }) as unknown as NamespaceView

const named = (...given: readonly Given[]): Record<string, string> =>
  Object.fromEntries(
    addressNames({ namespaces: [{ name: 'host', address: '192.0.2.1' }, ...given].map(view) }),
  )

const host = { '192.0.2.1': 'host' }

describe('an address', () => {
  it('is called by its container, not by a process that no engine knows', () => {
    expect(
      named({ name: 'web', address: '10.0.0.2', peer: '0' }, { name: 'sh', address: '10.0.0.3', bare: true }),
    ).toEqual({ ...host, '10.0.0.2': 'web' })
  })

  it('that two have on this host has no name', () => {
    const [web, db] = ['web', 'db'].map((name) => ({ name, address: '10.0.0.2', peer: '0' })) as [
      Given,
      Given,
    ]
    expect(named(web, db, { ...web, name: 'third' })).toEqual(host)
  })

  it('is that of the container on this host, where one inside another has it too', () => {
    const inside = { name: 'inside', address: '10.0.0.2', peer: '2' }
    expect(named(inside, { name: 'web', address: '10.0.0.2', peer: '0' })).toEqual({
      ...host,
      '10.0.0.2': 'web',
    })
    expect(named({ name: 'macvlan', address: '10.0.0.2', record: 'macvlan' }, inside)).toEqual({
      ...host,
      '10.0.0.2': 'macvlan',
    })
    expect(named(inside)).toEqual({ ...host, '10.0.0.2': 'inside' })
  })

  it('that two have on this host is not called by a third inside another', () => {
    const two = ['web', 'db'].map((name) => ({ name, address: '10.0.0.2', peer: '0' }))
    expect(named({ name: 'inside', address: '10.0.0.2', peer: '2' }, ...two)).toEqual(host)
  })
})
