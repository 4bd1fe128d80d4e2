/**
 * The engine that does the work in this process.
 *
 * @module
 */

import { asTsnetError, fail } from '../errors/codes.ts'
import type { ContainerNetwork } from '../model/attachment.ts'
import { check, gc } from './check.ts'
import type { EngineContext } from './context.ts'
import { planSetup } from './dryrun.ts'
import type { Engine, Selector } from './engine.ts'
import { findContainer, findId, listContainers } from './find.ts'
import { createNetwork, inspectNetwork, pruneNetworks, removeNetwork } from './networks.ts'
import { setup } from './setup.ts'
import { heal, removeIdleNetworks, takeDown } from './takedown.ts'

export function createLocalEngine(context: EngineContext): Engine {
  return {
    plan: (request) => planSetup(context, request),
    setup: (request, options) => setup(context, request, options?.signal),
    teardown: (selector) => teardown(context, selector),
    list: async () => listContainers(context),
    inspect: async (selector) => findContainer(context, selector),
    check: async (selector) =>
      check(context, selector === undefined ? undefined : [findContainer(context, selector).container.id]),
    gc: () => gc(context),
    createNetwork: (request) => createNetwork(context, request),
    removeNetwork: (name) => removeNetwork(context, name),
    listNetworks: async () =>
      Promise.all(context.networks.list().map(({ name }) => inspectNetwork(context, name))),
    inspectNetwork: (name) => inspectNetwork(context, name),
    pruneNetworks: () => pruneNetworks(context),
    close: async () => context.kernel.close(),
  }
}

/** From the record alone; goes on through errors and reports all of them at the end. */
async function teardown(context: EngineContext, selector: Selector): Promise<ContainerNetwork | undefined> {
  await heal(context)
  const id = findId(context, selector)
  if (id === undefined) return undefined
  const lock = await context.locks.container(id)
  try {
    const networks = context.containers.get(id)?.networks ?? []
    const host = await context.locks.hostShared()
    let down: Awaited<ReturnType<typeof takeDown>>
    try {
      down = await takeDown(context, id)
    } finally {
      host.release()
    }
    await removeIdleNetworks(context, networks)
    if (down.errors.length > 0) throw notAllGone(id, down.errors)
    return down.result
  } finally {
    lock.release()
  }
}

function notAllGone(id: string, errors: readonly unknown[]): Error {
  const first = asTsnetError(errors[0])
  const error = fail('TSNET_STEP_FAILED', {
    message: `taking down ${id}: ${first.message}`,
    hint: `mend the cause and run "tsnet gc": it goes on where this stopped`,
    cause: first,
  })
  error.undo.push(...errors)
  return error
}
