/**
 * Which namespace people mean: by name, id, beginning of an id, ip netns' name,
 * pid or inode, of any engine.
 *
 * @module
 */

import { meantNetwork } from '../model/specs/network.ts'
import { ambiguousContainer, noSuchContainer, noSuchNetwork } from '../model/unknown.ts'
import type { BridgeView, Inventory, NamespaceView } from './views.ts'

/** The one tsnet itself is in. */
export const hostOf = ({ namespaces }: Pick<Inventory, 'namespaces'>): NamespaceView | undefined =>
  namespaces.find(({ own }) => own)

/** Shorter beginnings of an id mean too many. */
const shortestPrefix = 4

/**
 * @param word a container's name or id, a name of `ip netns`, a pid, `net:[INODE]` or `host`
 * @throws TSNET_NO_SUCH_CONTAINER (notFound) with the nearest name
 * @throws TSNET_BAD_VALUE (invalid) where it means several
 */
export function findNamespace(
  { namespaces, records }: Pick<Inventory, 'namespaces' | 'records'>,
  word: string,
): NamespaceView {
  const ofPid: Way = ({ pids }) => /^[0-9]+$/.test(word) && pids.includes(Number(word))
  const begins: Way = ({ container, record }) =>
    word.length >= shortestPrefix &&
    (record?.startsWith(word) === true || container?.id.startsWith(word) === true)
  for (const fits of [...waysByName(word, records), ofPid, begins]) {
    const found = namespaces.filter(fits)
    if (found.length > 1) throw ambiguous(word, found, fits === begins ? 'prefix' : 'name')
    if (found[0] !== undefined) return found[0]
  }
  const ended = records.find(({ container: { id, name } }) => name === word || id === word)
  throw ended === undefined ? unknown(word, namespaces) : gone(word)
}

type Known = Pick<Inventory, 'namespaces' | 'records'>
type Way = (one: NamespaceView) => boolean

/** Whole ids and names, in the order in which one wins over the next: an id first, as it is one container's alone. */
function waysByName(word: string, records: Known['records']): readonly Way[] {
  // One that shares a namespace (`--network container:X`, the host's) is found by its own id and name too.
  const sharing = (shared: Known['records']): readonly Way[] => [
    ({ cookie }) =>
      shared.some(({ mode, sandbox }) => mode === 'container' && sandbox.identity.cookie === cookie),
    ({ own }) => own && shared.some(({ mode }) => mode === 'host'),
  ]
  return [
    ({ container, record }) => record === word || container?.id === word,
    ...sharing(records.filter(({ container }) => container.id === word)),
    ({ container }) => container?.name === word,
    ...sharing(records.filter(({ container }) => container.name === word)),
    ({ netnsNames }) => netnsNames.includes(word),
    ({ id }) => word === `net:[${id}]`,
    ({ own }) => own && word === 'host',
  ]
}

/** Whom a word that may mean something else too is the whole id or name of: a target of ping, a word of a filter. */
export function namedExactly({ namespaces, records }: Known, word: string): NamespaceView | undefined {
  return waysByName(word, records)
    .map((fits) => namespaces.find(fits))
    .find((found) => found !== undefined)
}

function ambiguous(word: string, found: readonly NamespaceView[], by: 'name' | 'prefix'): Error {
  return ambiguousContainer(
    word,
    found.map(({ container, id }) => container?.id.slice(0, 16) ?? `net:[${id}]`),
    by,
  )
}

/** tsnet has set it up, and it has ended since. */
function gone(word: string): Error {
  return noSuchContainer({
    word,
    message: `finding container ${word}: it has ended, its network namespace is gone`,
    known: [],
    hint: `"tsnet teardown ${word}" clears away what is left of it`,
  })
}

function unknown(word: string, namespaces: readonly NamespaceView[]): Error {
  return noSuchContainer({
    word,
    message: `finding container ${word}: no container or network namespace is called that`,
    known: knownNames(namespaces),
    hint: '"tsnet ns ls" shows all',
  })
}

/** What people may call them. */
export function knownNames(namespaces: readonly NamespaceView[]): readonly string[] {
  return namespaces.flatMap(({ container, netnsNames, record }) =>
    [container?.name, container?.id.slice(0, 12), record, ...netnsNames].filter((name) => name !== undefined),
  )
}

/**
 * The bridges of those names, all without names.
 *
 * @throws TSNET_NO_SUCH_NETWORK (notFound) with the nearest name
 */
export function pickBridges({ bridges }: Inventory, names: readonly string[]): readonly BridgeView[] {
  if (names.length === 0) return bridges
  return names.map((name) => {
    const called = (word: string) => bridges.find((bridge) => bridge.name === word || bridge.network === word)
    // A network of CNI may be called `bridge`.
    const found = called(name) ?? called(meantNetwork(name))
    if (found !== undefined) return found
    const known = bridges.flatMap((bridge) => [
      bridge.name,
      ...(bridge.network === undefined ? [] : [bridge.network]),
    ])
    throw noSuchNetwork({
      word: name,
      field: 'bridge',
      message: `finding bridge ${name}: this host has none of that name`,
      known,
      hint: '"tsnet bridge show" shows all',
    })
  })
}
