/**
 * Whom a word means on a machine where several are called alike.
 */
import { describe, expect, it } from 'vitest'
import { findNamespace, type Inventory, type NamespaceView, pickBridges } from '../../../lib/index.ts'

interface Given {
  readonly id?: string
  readonly name?: string
  /** What `ip netns` calls it. */
  readonly netns?: string
  readonly pid?: number
}

/** Numbered from 1; the host is 0. */
const views = (...given: readonly Given[]): readonly NamespaceView[] =>
  [{}, ...given].map(({ id, name, netns, pid }: Given, at) => ({
    id: String(at),
    cookie: `cookie-${at}`,
    name: name ?? id ?? String(at),
    own: at === 0,
    ...(id === undefined ? {} : { container: { id, ...(name === undefined ? {} : { name }) } }),
    foreignUser: false,
    netnsNames: netns === undefined ? [] : [netns],
    mounts: [],
    pids: pid === undefined ? [] : [pid],
    path: `/proc/${at}/ns/net`,
    interfaces: [],
    routes: [],
  }))

const sharing = (id: string, name: string, cookie?: string): Inventory['records'][number] =>
  ({
    container: { id, name },
    mode: cookie === undefined ? 'host' : 'container',
    sandbox: { path: '/x', identity: { cookie, bootId: 'b' } },
  }) as unknown as Inventory['records'][number]

function meant(
  word: string,
  namespaces: readonly NamespaceView[],
  records: Inventory['records'] = [],
): string {
  try {
    return findNamespace({ namespaces, records }, word).id
  } catch (error) {
    const { message, hint } = error as { readonly message: string; readonly hint: string }
    return `${message}; ${hint}`
  }
}

describe('a word that fits several', () => {
  it('is a whole id first, then a name, then what ip netns calls it, a pid, and the beginning of an id', () => {
    const all = views(
      { id: '7777', name: 'front' },
      { id: 'front', name: 'back' },
      { id: 'c3', name: 'shop', netns: 'back' },
      { id: 'c4', netns: '4242' },
      { id: '424242', pid: 7777 },
      { id: '55550000', pid: 4242 },
      { id: '6666', pid: 5555 },
    )
    const words = ['7777', 'front', 'back', 'shop', '4242', '5555', '55550', 'net:[3]', 'host']
    expect(words.map((word) => [word, meant(word, all)])).toEqual([
      ['7777', '1'],
      ['front', '2'],
      ['back', '2'],
      ['shop', '3'],
      ['4242', '4'],
      ['5555', '7'],
      ['55550', '6'],
      ['net:[3]', '3'],
      ['host', '0'],
    ])
  })

  it('is an id of one that shares the namespace of another, or of the host, before a name', () => {
    const all = views({ id: 'pod' }, { id: 'other', name: 'side' }, { id: 'third', name: 'agent' })
    const records = [sharing('side', 'helper', 'cookie-1'), sharing('agent', 'watcher')]
    const words = ['side', 'helper', 'agent', 'watcher']
    expect(words.map((word) => meant(word, all, records))).toEqual(['1', '1', '0', '0'])
  })

  it('is refused with what makes it doubtful: a name two have, or the beginning of two ids', () => {
    const all = views(
      { id: 'abcd1111', name: 'abcd' },
      { id: 'abcd2222', name: 'abcd' },
      { id: 'ab', name: 'x' },
    )
    const way = 'or give --pid or --netns'
    expect(meant('abcd', all)).toBe(
      `finding container abcd: 2 have that name; one of abcd1111, abcd2222; ${way}`,
    )
    expect(meant('abcd1', all)).toBe('1')
    expect(meant('abcd', views({ id: 'abcd1111' }, { id: 'abcd2222' }))).toBe(
      `finding container abcd: 2 ids begin like that; one of abcd1111, abcd2222; ${way}`,
    )
  })
})

describe('a bridge', () => {
  const bridges = [
    { name: 'tsnet0', network: 'tsnet' },
    { name: 'br-shop', network: 'shop' },
  ]
  const picked = (word: string) =>
    pickBridges({ bridges } as unknown as Inventory, [word]).map(({ name }) => name)

  it('is meant by its name or its network, the default one also by what setup calls it', () => {
    expect(['tsnet0', 'tsnet', 'bridge', 'default', 'shop'].flatMap(picked)).toEqual([
      'tsnet0',
      'tsnet0',
      'tsnet0',
      'tsnet0',
      'br-shop',
    ])
  })

  it('of a network of CNI that is called like the default one is that', () => {
    const cni = { name: 'nerdctl0', network: 'bridge' }
    const all = { bridges: [...bridges, cni] } as unknown as Inventory
    expect(pickBridges(all, ['bridge']).map(({ name }) => name)).toEqual(['nerdctl0'])
  })
})
