/**
 * Making every namespace visible to `ip netns`, and taking that back.
 *
 * @module
 */

import { addNetnsLink, netnsNames, ownNetnsLinks, removeNetnsLink } from '../kernel/namespace/netnslink.ts'
import { findNamespace } from './find.ts'
import type { Inventory, NamespaceView } from './views.ts'

/** What `ns link` has changed below /run/netns. */
export interface LinkReport {
  readonly added: readonly { readonly name: string; readonly namespace: string }[]
  /** Links of ours whose namespace is gone. */
  readonly removed: readonly string[]
}

/**
 * @param words which ones; none: all that `ip netns` does not know
 * @throws TSNET_NO_SUCH_CONTAINER (notFound)
 */
export function linkNamespaces(inventory: Inventory, words: readonly string[]): LinkReport {
  const wanted =
    words.length === 0 ? inventory.namespaces : words.map((word) => findNamespace(inventory, word))
  const removed = dropDead(inventory)
  const taken = new Set(netnsNames().map(({ name }) => name))
  const added: { name: string; namespace: string }[] = []
  for (const view of wanted) {
    if (view.own || view.netnsNames.length > 0) continue
    const name = freeName(view, taken)
    taken.add(name)
    addNetnsLink(name, view.path)
    added.push({ name, namespace: view.id })
  }
  return { added, removed }
}

/** Takes away the links tsnet has made: those of `words`, or all. */
export function unlinkNamespaces(inventory: Inventory, words: readonly string[]): LinkReport {
  const views = words.map((word) => findNamespace(inventory, word))
  const ours = ownNetnsLinks().filter(
    ({ inode }) => words.length === 0 || views.some(({ id }) => id === inode),
  )
  for (const { name } of ours) removeNetnsLink(name)
  return { added: [], removed: ours.map(({ name }) => name) }
}

/** A pid may belong to a process of the host by now. */
function dropDead({ namespaces }: Inventory): readonly string[] {
  const own = namespaces.find((view) => view.own)?.id
  const dead = ownNetnsLinks().filter(({ inode }) => inode === undefined || inode === own)
  for (const { name } of dead) removeNetnsLink(name)
  return dead.map(({ name }) => name)
}

function freeName({ container, program, pids, id }: NamespaceView, taken: ReadonlySet<string>): string {
  const called = container?.name ?? container?.id.slice(0, 12) ?? `${program ?? 'netns'}-${pids[0] ?? id}`
  const name = called.replace(/[^A-Za-z0-9_.-]/g, '_').replace(/^\.+/, '_')
  return taken.has(name) ? `${name}-${id}` : name
}
