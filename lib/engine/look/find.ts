/**
 * Finding a container by id, unique prefix of an id, name, or its sandbox.
 *
 * @module
 */

import type { Attachment, ContainerNetwork } from '../../model/attachment.ts'
import { ownerInKey } from '../../model/names.ts'
import type { ContainerInfo } from '../../model/sandbox.ts'
import { ambiguousContainer, noSuchContainer } from '../../model/unknown.ts'
import { type EngineContext, ownerIsAlive } from '../context.ts'
import type { Selector } from '../engine.ts'

/** Key of the record of a single attachment; `~` is in no id and no ifname. */
export function attachmentKey(id: string, ifname: string): string {
  return `${id}~${ifname}`
}

/**
 * Key of the record of an endpoint that an engine has taken the inside of; ids
 * of containers begin with a letter or digit.
 */
export function endKey(id: string): string {
  return `~${id}`
}

export const isEndKey = (key: string): boolean => key.startsWith('~')

/** What its engine calls the container of that record. */
function containerOf({ containers }: EngineContext, key: string): ContainerInfo | undefined {
  if (!isEndKey(key)) return { id: ownerInKey(key) }
  const known = (containers.get(key) ?? containers.pending(key))?.result?.container
  if (known !== undefined || !containers.hasAside(key)) return known
  return { id: ownerInKey(key) }
}

/** Records of one container: its set-up, and attachments made one by one; also those half taken down. */
export function recordKeys(context: EngineContext, id: string): readonly string[] {
  return allKeys(context).filter(
    (key) =>
      key === id || key.startsWith(`${id}~`) || (isEndKey(key) && containerOf(context, key)?.id === id),
  )
}

/** A journal entry with a result is of a container whose teardown failed. With those whose record was set aside. */
function allKeys({ containers }: EngineContext): readonly string[] {
  const [pending, aside] = [containers.pendingKeys(), containers.asideKeys()]
  if (pending.length + aside.length === 0) return containers.keys()
  const half = pending.filter((key) => containers.pending(key)?.result !== undefined)
  return [...new Set([...containers.keys(), ...half, ...aside])].sort()
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
  return { ...one, attachments: more.attachments.reduce(withAttachment, one.attachments) }
}

/** Plugins of a chain each tell their part of one interface: addresses, ports. */
function withAttachment(known: readonly Attachment[], more: Attachment): readonly Attachment[] {
  const same = (one: Attachment): boolean => one.ifname === more.ifname && one.network === more.network
  if (!known.some(same)) return [...known, more]
  return known.map((one) => {
    if (!same(one)) return one
    const whole = one.addresses.length > 0 ? one : { ...more, ports: [] }
    return {
      ...whole,
      ports: [...one.ports, ...more.ports],
      aliases: [...new Set([...one.aliases, ...more.aliases])],
    }
  })
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
  const word = 'container' in selector ? selector.container : selector.sandboxPath
  throw noSuchContainer({
    word,
    message: `finding container ${word}: tsnet has none of that ${'container' in selector ? 'id or name' : 'namespace'}`,
    known: 'container' in selector ? knownWords(context) : [],
    hint: '"tsnet ls" shows all',
  })
}

/** Names and ids people may have meant. */
export function knownWords(context: EngineContext): readonly string[] {
  return listContainers(context).flatMap(({ container: { id, name } }) => [
    ...(name === undefined ? [] : [name]),
    id.slice(0, 12),
  ])
}

/**
 * Whose namespace is at `path`: the container that lives there, else the one
 * whose record names the path. Pids come back, so whoever takes that one down
 * asks `livesElsewhere` first.
 */
function findByPath(context: EngineContext, path: string): string | undefined {
  const { kernel } = context
  const results = allKeys(context)
    .map((key) => (context.containers.get(key) ?? context.containers.pending(key))?.result)
    .filter((result) => result !== undefined)
    .filter(({ mode }) => mode !== 'container' && mode !== 'host')
  const here = results.find(({ sandbox }) => kernel.isAlive(path, sandbox.identity))
  if (here !== undefined) return here.container.id
  return results.find(({ sandbox }) => sandbox.path === path)?.container.id
}

/** The namespace at `path` is a stranger's by now, and the container it once meant lives on without it. */
export async function livesElsewhere(context: EngineContext, id: string, path: string): Promise<boolean> {
  const record = context.containers.get(id)
  const sandbox = record?.result?.sandbox
  if (record === undefined || sandbox === undefined || context.kernel.isAlive(path, sandbox.identity))
    return false
  const stranger = await context.kernel.openSandbox(path).catch(() => undefined)
  stranger?.close()
  if (stranger === undefined) return false
  return ownerIsAlive(context, {
    record: id,
    container: record.container,
    path: sandbox.path,
    ...sandbox.identity,
  })
}

function isKnown({ containers }: EngineContext, key: string): boolean {
  return containers.has(key) || containers.hasAside(key)
}

/**
 * A whole id wins over a name, which wins over the beginning of an id; as in inspect/find.ts, which looks at the machine.
 *
 * @returns the full id, undefined where there is none
 */
export function findId(context: EngineContext, selector: Selector): string | undefined {
  if ('sandboxPath' in selector) return findByPath(context, selector.sandboxPath)
  const { container } = selector
  if (container === '') return undefined
  if (isKnown(context, container)) return container
  const keys = allKeys(context)
  // Attachments made one by one have no record under the id itself.
  if (keys.some((key) => key.startsWith(`${container}~`))) return container
  const byName = context.reservations.names.owner(container)
  if (byName !== undefined && isKnown(context, byName.record)) return byName.container
  const all = keys.flatMap((key) => containerOf(context, key) ?? [])
  const ids = [...new Set(all.map(({ id }) => id))]
  if (ids.includes(container)) return container
  const named = new Set(all.filter(({ name }) => name === container).map(({ id }) => id))
  if (named.size > 1) throw ambiguousContainer(container, [...named], 'name')
  if (named.size === 1) return [...named][0]
  // Ids of engines are 64 digits; people type the first 12 (Docker's habit). Four are the least that make sense.
  const matches = ids.filter((id) => container.length >= 4 && id.startsWith(container))
  if (matches.length > 1) throw ambiguousContainer(container, matches, 'prefix')
  return matches[0]
}
