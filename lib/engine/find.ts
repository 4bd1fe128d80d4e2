/**
 * Finding a container by id, unique prefix of an id, name, or its sandbox.
 *
 * @module
 */

import { fail } from '../errors/codes.ts'
import type { ContainerNetwork } from '../model/attachment.ts'
import type { EngineContext } from './context.ts'
import type { Selector } from './engine.ts'

export function listContainers(context: EngineContext): readonly ContainerNetwork[] {
  return context.containers.keys().flatMap((id) => context.containers.get(id)?.result ?? [])
}

/** @throws TSNET_NO_SUCH_CONTAINER (notFound) */
export function findContainer(context: EngineContext, selector: Selector): ContainerNetwork {
  const id = findId(context, selector)
  const result = id === undefined ? undefined : context.containers.get(id)?.result
  if (result !== undefined) return result
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
  if (context.containers.get(container) !== undefined) return container
  const byName = context.reservations.names.owner(container)?.container
  if (byName !== undefined && context.containers.get(byName) !== undefined) return byName
  // Ids of engines are 64 digits; people type the first 12 (Docker's habit). Four are the least that make sense.
  const matches =
    container.length < 4 ? [] : context.containers.keys().filter((id) => id.startsWith(container))
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
