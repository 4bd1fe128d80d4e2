/**
 * What a set-up finds of its container: the same one, another one of that id,
 * or one whose sandbox is gone.
 *
 * @module
 */

import { fail } from '../../errors/codes.ts'
import type { ContainerNetwork, SetupRequest } from '../../model/attachment.ts'
import { type EngineContext, ownerIsAlive } from '../context.ts'
import { clearTheWay } from '../heal/takedown.ts'
import { reservedBy } from '../heal/traces.ts'
import { listContainers } from '../look/find.ts'
import { contentsOf } from '../names/names.ts'
import type { NamedTarget, Target } from './target.ts'

/**
 * What a container with this id has from before. Equal request, same sandbox:
 * that is the answer. Its sandbox gone: it is taken down first.
 *
 * @throws TSNET_ALREADY_ATTACHED (conflict) for a different request
 */
export async function alreadyThere(
  context: EngineContext,
  request: SetupRequest,
  target: Target,
): Promise<ContainerNetwork | undefined> {
  const record = context.containers.get(target.key)
  if (record?.result === undefined) {
    refuseSecondId(context, target)
    return undefined
  }
  const { identity } = record.result.sandbox
  if (identity.cookie === target.identity.cookie && identity.bootId === target.identity.bootId) {
    if (sameRequest(record.request, request)) {
      await reviveNames(context)
      return record.result
    }
    throw fail('TSNET_ALREADY_ATTACHED', {
      message: `setting up ${target.container.id}: it was set up before with a different request`,
      field: 'id',
      value: target.container.id,
      hint: `"tsnet inspect ${target.container.id}" shows it; "tsnet teardown --id ${target.container.id}" first`,
    })
  }
  if (context.kernel.isAlive(record.result.sandbox.path, identity)) {
    throw idInUse(target.container.id, record.result.sandbox.path)
  }
  await clearTheWay(context, target.key)
  return undefined
}

/**
 * Of a container whose record cannot be read nobody knows any more what was asked: it is set up anew. Before anybody
 * looks into the sandbox, where its links are.
 *
 * @throws TSNET_NAME_IN_USE (conflict) where it lives in another sandbox
 */
export async function takeDownLost(context: EngineContext, { key, identity }: NamedTarget): Promise<void> {
  // Read first: that is what sets it aside.
  if (context.containers.get(key) !== undefined || !context.containers.hasAside(key)) return
  const { owner } = reservedBy(context, key)
  const isHere = owner?.cookie === identity.cookie && owner.bootId === identity.bootId
  if (owner !== undefined && !isHere && (await ownerIsAlive(context, owner)))
    throw idInUse(owner.container, owner.path)
  await clearTheWay(context, key)
}

function idInUse(id: string, path: string): Error {
  return fail('TSNET_NAME_IN_USE', {
    message: `setting up ${id}: a living container in another sandbox (${path}) has that id`,
    field: 'id',
    value: id,
    hint: 'choose another --id',
  })
}

/** Whoever repeats a set-up may do so because names stopped answering: their server was killed. */
async function reviveNames(context: EngineContext): Promise<void> {
  if (context.names === undefined) return
  const host = await context.locks.hostShared()
  try {
    await context.names.revive(() => contentsOf(context))
  } finally {
    host.release()
  }
}

/**
 * One sandbox is set up under one id; what shares it says so (mode container).
 *
 * @throws TSNET_ALREADY_ATTACHED (conflict)
 */
function refuseSecondId(context: EngineContext, { key, container, path, identity, links }: Target): void {
  // A fresh sandbox has nothing but `lo`, and no record has to be read.
  if (key !== container.id || links.length < 2) return
  const other = listContainers(context).find(
    (one) =>
      (one.mode === 'bridge' || one.mode === 'none') &&
      one.container.id !== container.id &&
      one.sandbox.identity.cookie === identity.cookie &&
      one.sandbox.identity.bootId === identity.bootId,
  )
  if (other === undefined) return
  const { id } = other.container
  throw fail('TSNET_ALREADY_ATTACHED', {
    message: `setting up ${container.id}: its sandbox ${path} was set up as ${id}`,
    field: 'sandbox',
    value: path,
    hint: `"tsnet teardown --id ${id}" first, or share it with --network container:${id}`,
  })
}

/** The path may differ (pid, bind mount): the cookie was compared already. */
function sameRequest(a: SetupRequest, b: SetupRequest): boolean {
  const text = (request: SetupRequest): string => JSON.stringify({ ...request, sandbox: undefined }, sorted)
  return text(a) === text(b)
}

/** Requests from flags and from JSON name their fields in different order. */
function sorted(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)))
}
