/**
 * Which namespace people mean: by name, id, beginning of an id, ip netns' name,
 * pid or inode, of any engine.
 *
 * @module
 */

import { ambiguousContainer, noSuchContainer, noSuchNetwork } from '../model/unknown.ts'
import type { BridgeView, Inventory, NamespaceView } from './inventory.ts'

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
  // One that shares a namespace (`--network container:X`) is found by its own name too.
  const shared = records.filter(({ container }) => container.id === word || container.name === word)
  const ways: readonly ((one: NamespaceView) => boolean)[] = [
    ({ container, record }) => record === word || container?.name === word || container?.id === word,
    ({ cookie }) =>
      shared.some(({ mode, sandbox }) => mode === 'container' && sandbox.identity.cookie === cookie),
    ({ netnsNames }) => netnsNames.includes(word),
    ({ id }) => word === `net:[${id}]`,
    ({ own }) => own && (word === 'host' || shared.some(({ mode }) => mode === 'host')),
    ({ pids }) => /^[0-9]+$/.test(word) && pids.includes(Number(word)),
    ({ container, record }) =>
      word.length >= shortestPrefix &&
      (record?.startsWith(word) === true || container?.id.startsWith(word) === true),
  ]
  for (const fits of ways) {
    const found = namespaces.filter(fits)
    if (found.length > 1) throw ambiguous(word, found)
    if (found[0] !== undefined) return found[0]
  }
  const ended = records.find(({ container: { id, name } }) => name === word || id === word)
  throw ended === undefined ? unknown(word, namespaces) : gone(word)
}

function ambiguous(word: string, found: readonly NamespaceView[]): Error {
  return ambiguousContainer(
    word,
    found.map(({ container, id }) => container?.id.slice(0, 16) ?? `net:[${id}]`),
    found.some(({ container, record }) => container?.id.startsWith(word) || record?.startsWith(word))
      ? 'prefix'
      : 'name',
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
    const found = bridges.find((bridge) => bridge.name === name || bridge.network === name)
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
