/**
 * The engine that does the work in this process.
 *
 * @module
 */

import type { ContainerNetwork } from '../model/attachment.ts'
import { attach, setup } from './attach/setup.ts'
import { connect } from './change/connect.ts'
import { disconnect } from './change/disconnect.ts'
import { idleGuests } from './change/guest.ts'
import { publish } from './change/publish.ts'
import { unpublish } from './change/unpublish.ts'
import { type EngineContext, interruptible } from './context.ts'
import type { Engine, Selector } from './engine.ts'
import { heal } from './heal/heal.ts'
import { removeIdle, tidy } from './heal/idle.ts'
import { despiteFlush, reapplyRules } from './heal/refresh.ts'
import { lockKey, takeDown } from './heal/takedown.ts'
import { notAllGone } from './heal/unfinished.ts'
import { check, gc } from './look/check.ts'
import { planSetup } from './look/dryrun.ts'
import {
  attachmentKey,
  findContainer,
  findId,
  listContainers,
  livesElsewhere,
  mergeResults,
  recordKeys,
} from './look/find.ts'
import {
  createNetwork,
  inspectNetwork,
  listNetworks,
  pruneNetworks,
  removeNetwork,
} from './network/networks.ts'
import { updateNetwork } from './network/update.ts'

export function createLocalEngine(context: EngineContext): Engine {
  return {
    plan: (request) => planSetup(context, request),
    setup: (request, options) => despiteFlush(context, () => setup(context, request, options?.signal)),
    teardown: (selector, options) => teardown(context, selector, options?.signal),
    attach: (request, options) => despiteFlush(context, () => attach(context, request, options?.signal)),
    detach: (id, ifname, options) => detach(context, { id, ifname }, options?.signal),
    connect: (selector, endpoint, options) =>
      despiteFlush(context, () => connect(context, selector, endpoint, options?.signal)),
    disconnect: async (selector, network, options) => {
      const now = await disconnect(context, selector, network, options?.signal)
      if (now !== undefined) await releaseGuests(context, now.container.id)
      return now
    },
    publish: (selector, mappings, options) =>
      despiteFlush(context, () => publish(context, selector, mappings, options?.signal)),
    unpublish: async (selector, mappings, options) => {
      const gone = await unpublish(context, selector, mappings, options?.signal)
      const id = findId(context, selector)
      if (id !== undefined) await releaseGuests(context, id)
      return gone
    },
    list: async () => listContainers(context),
    inspect: async (selector) => findContainer(context, selector),
    check: async (selector) =>
      check(
        context,
        selector === undefined
          ? undefined
          : recordKeys(context, findContainer(context, selector).container.id),
      ),
    gc: (options) => gc(context, options?.signal),
    createNetwork: (request, options) => createNetwork(context, request, options?.signal),
    removeNetwork: (name, options) => removeNetwork(context, name, options?.signal),
    listNetworks: () => listNetworks(context),
    inspectNetwork: (name) => inspectNetwork(context, name),
    updateNetwork: (name, update, options) => updateNetwork(context, name, update, options?.signal),
    pruneNetworks: (options) => pruneNetworks(context, options?.signal),
    reapplyRules: () => reapplyRules(context),
    prune: async (options) => {
      const report = await gc(context, options?.signal)
      const pruned = await pruneNetworks(context, options?.signal)
      return { ...report, networks: [...report.networks, ...pruned] }
    },
    close: async () => context.kernel.close(),
    [Symbol.asyncDispose]: async () => context.kernel.close(),
  }
}

/** From the records alone; goes on through errors and reports all of them at the end. */
async function teardown(
  context: EngineContext,
  selector: Selector,
  signal: AbortSignal | undefined,
): Promise<ContainerNetwork | undefined> {
  const id = await idAfterHealing(interruptible(context, signal), selector)
  if (id === undefined) return undefined
  return teardownAll(context, id, recordKeys(context, id), signal)
}

/** What a change has left of a container of another engine without a use. */
async function releaseGuests(context: EngineContext, id: string): Promise<void> {
  const idle = idleGuests(context, id)
  if (idle.length > 0) await teardownAll(context, id, idle)
}

/** Takes back one attachment that was made by `attach`. */
async function detach(
  context: EngineContext,
  { id, ifname }: { readonly id: string; readonly ifname: string },
  signal: AbortSignal | undefined,
): Promise<ContainerNetwork | undefined> {
  await heal(interruptible(context, signal))
  return teardownAll(context, id, [attachmentKey(id, ifname)], signal)
}

async function idAfterHealing(context: EngineContext, selector: Selector): Promise<string | undefined> {
  await heal(context)
  const id = findId(context, selector)
  const meant =
    id !== undefined &&
    !('sandboxPath' in selector && (await livesElsewhere(context, id, selector.sandboxPath)))
  if (!meant) await tidy(context)
  return meant ? id : undefined
}

async function teardownAll(
  context: EngineContext,
  id: string,
  keys: readonly string[],
  signal?: AbortSignal,
): Promise<ContainerNetwork | undefined> {
  const downs = []
  for (const key of keys) downs.push(await teardownRecord(context, key, signal))
  await tidy(context)
  const errors = downs.flatMap((down) => down.errors)
  if (errors.length > 0) throw notAllGone(`taking down ${id}`, errors)
  return mergeResults(downs.flatMap(({ result }) => result ?? []))
}

/** The signal ends the waiting for others; what has begun is finished. */
async function teardownRecord(
  context: EngineContext,
  key: string,
  signal: AbortSignal | undefined,
): ReturnType<typeof takeDown> {
  const { locks } = interruptible(context, signal)
  const { container, host } = await locks.takedown(lockKey(context, key))
  try {
    let networks: readonly string[]
    let down: Awaited<ReturnType<typeof takeDown>>
    try {
      networks =
        (context.containers.get(key) ?? context.containers.pending(key))?.networks ??
        context.networks.ephemeralNames()
      down = await takeDown(context, key)
    } finally {
      host.release()
    }
    await removeIdle(context, networks)
    return down
  } finally {
    container.release()
  }
}
