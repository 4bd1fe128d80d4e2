/**
 * Parts of attachments, made one by one by the plugins of a chain, each with a
 * record and journal of its own, so that a killed plugin is cleaned up like any
 * other killed work.
 *
 * What a part does is decided in drivers/cni; here it is looked, planned, noted,
 * applied, and taken back. An attachment without a record was made by another
 * plugin set: it is taken down by what can be seen of it.
 *
 * @module
 */

import type { Look, Obstacle, PartId, PartInterface } from '../../drivers/cni/part.ts'
import { type PartOptions, type PartType, parts } from '../../drivers/cni/registry.ts'
import type { EngineContext } from '../context.ts'
import { tidy } from '../heal/idle.ts'
import { add } from './add.ts'
import { address } from './address.ts'
import { lookAround } from './lookaround.ts'
import type { PartRequest } from './part.ts'
import { remove } from './remove.ts'

export interface Parts {
  /**
   * @returns the interfaces it made
   * @throws TSNET_ALREADY_ATTACHED (conflict) where this attachment has this part already
   */
  add<T extends PartType>(request: PartRequest<T>): Promise<readonly PartInterface[]>
  /**
   * Gives an attachment that was added without addresses those that are known now.
   *
   * @throws TSNET_NO_SUCH_CONTAINER (notFound) where it was not added
   */
  address<T extends PartType>(request: PartRequest<T>): Promise<void>
  /** Never fails because something is gone. */
  remove<T extends PartType>(request: PartRequest<T>): Promise<void>
  /** @returns what is not as it should be */
  check<T extends PartType>(request: PartRequest<T>): Promise<readonly string[]>
  /** @returns why adding would fail now; undefined: nothing is known against it */
  obstacle<T extends PartType>(type: T, options: PartOptions[T]): Promise<Obstacle | undefined>
  /** Attachments of a network that have this part: by records, and by what can be seen of other plugin sets'. */
  list<T extends PartType>(type: T, network: string, options: PartOptions[T]): Promise<readonly PartId[]>
}

export function createParts(context: EngineContext): Parts {
  return {
    add: async (request) => {
      try {
        return await add(context, request)
      } catch (error) {
        await tidy(context)
        throw error
      }
    },
    address: (request) => address(context, request),
    remove: (request) => remove(context, request),
    check: (request) => check(context, request),
    obstacle: async (type, options) => {
      const { obstacle, looks } = parts[type]
      if (obstacle === undefined) return undefined
      return obstacle(options, await lookAround(context, hostLooks(looks(options, 'add')), undefined))
    },
    list: (type, network, options) => list(context, { type, network, options }),
  }
}

/** Of the host as a whole: rules and settings are not needed to see what stands in the way. */
function hostLooks(looks: readonly Look[]): readonly Look[] {
  return looks.filter(({ what }) => what === 'links' || what === 'firewalld')
}

/** Of foreign ones the interface is not known: its name is empty. */
async function list<T extends PartType>(
  context: EngineContext,
  {
    type,
    network,
    options,
  }: { readonly type: T; readonly network: string; readonly options: PartOptions[T] },
): Promise<readonly PartId[]> {
  const recorded = context.containers.keys().flatMap((key): readonly PartId[] => {
    const [container, ifname, own, part] = key.split('~')
    if (part !== type || own !== network || container === undefined || ifname === undefined) return []
    return [{ network, container, ifname }]
  })
  const planner = parts[type]
  if (planner.seen === undefined) return recorded
  const facts = await lookAround(context, planner.looks(options, 'remove'), undefined)
  const foreign = planner
    .seen(network, facts)
    .filter((container) => !recorded.some((one) => one.container === container))
  return [...recorded, ...[...new Set(foreign)].map((container) => ({ network, container, ifname: '' }))]
}

async function check<T extends PartType>(
  context: EngineContext,
  request: PartRequest<T>,
): Promise<readonly string[]> {
  const { type, id, options, netns } = request
  const sandbox = await context.kernel.openSandbox(netns)
  try {
    const planner = parts[type]
    const facts = await lookAround(context, planner.looks(options, 'check', id), sandbox)
    return planner.check({ id, options, facts })
  } finally {
    sandbox.close()
  }
}
