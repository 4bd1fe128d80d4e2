/**
 * Finding a container by id, unique prefix of an id, name, or its sandbox.
 *
 * @module
 */

import { fail } from '../errors/codes.ts'
import type { ContainerNetwork } from '../model/attachment.ts'
import type { EngineContext } from './context.ts'
import type { Selector } from './engine.ts'

/** Key of the record of a single attachment; `~` is in no id and no ifname. */
export function attachmentKey(id: string, ifname: string): string {
  return `${id}~${ifname}`
}

/** Records of one container: its set-up, and attachments made one by one. */
export function recordKeys(context: EngineContext, id: string): readonly string[] {
  return context.containers.keys().filter((key) => key === id || key.startsWith(`${id}~`))
}

export function listContainers(context: EngineContext): readonly ContainerNetwork[] {
  const byId = new Map<string, ContainerNetwork>()
  for (const key of context.containers.keys()) {
    const result = context.containers.get(key)?.result
    if (result === undefined) continue
    const known = byId.get(result.container.id)
    byId.set(result.container.id, known === undefined ? result : merged(known, result))
  }
  return [...byId.values()]
}

function merged(one: ContainerNetwork, more: ContainerNetwork): ContainerNetwork {
  return { ...one, attachments: [...one.attachments, ...more.attachments] }
}

export function mergeResults(results: readonly ContainerNetwork[]): ContainerNetwork | undefined {
  return results.length === 0 ? undefined : results.reduce(merged)
}

/** @throws TSNET_NO_SUCH_CONTAINER (notFound) */
export function findContainer(context: EngineContext, selector: Selector): ContainerNetwork {
  const id = findId(context, selector)
  const results =
    id === undefined
      ? []
      : recordKeys(context, id).flatMap((key) => context.containers.get(key)?.result ?? [])
  const found = mergeResults(results)
  if (found !== undefined) return found
  const value = 'container' in selector ? selector.container : selector.sandboxPath
  throw fail('TSNET_NO_SUCH_CONTAINER', {
    message: `finding container ${value}: tsnet has none of that ${'container' in selector ? 'id or name' : 'namespace'}`,
    field: 'container',
    value,
    hint: '"tsnet ls" shows all',
  })
}

/**
 * The namespace at `path` is this container's, or was: where it is gone, or the
 * pid belongs to another now, the record that names the path is meant.
 */
function livesAt(context: EngineContext, network: ContainerNetwork, path: string): boolean {
  const { mode, sandbox } = network
  if (mode === 'container' || mode === 'host') return false
  return sandbox.path === path || context.kernel.isAlive(path, sandbox.identity)
}

/** @returns the full id, undefined where there is none */
export function findId(context: EngineContext, selector: Selector): string | undefined {
  if ('sandboxPath' in selector) {
    return listContainers(context).find((network) => livesAt(context, network, selector.sandboxPath))
      ?.container.id
  }
  const { container } = selector
  if (container === '') return undefined
  if (context.containers.has(container)) return container
  const byName = context.reservations.names.owner(container)
  if (byName !== undefined && context.containers.has(byName.record)) return byName.container
  const ids = [...new Set(context.containers.keys().map((key) => key.split('~')[0] as string))]
  // Ids of engines are 64 digits; people type the first 12 (Docker's habit). Four are the least that make sense.
  const matches = ids.filter((id) => id === container || (container.length >= 4 && id.startsWith(container)))
  if (matches.includes(container)) return container
  if (matches.length > 1) {
    throw fail('TSNET_BAD_VALUE', {
      message: `finding container ${container}: ${matches.length} ids begin like that`,
      field: 'container',
      value: container,
      hint: `one of ${matches.slice(0, 5).join(', ')}`,
    })
  }
  return matches[0]
}
