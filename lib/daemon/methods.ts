/**
 * Which methods of the engine are called over the socket, and how.
 *
 * @module
 */

import type { Engine } from '../engine/engine.ts'

/** All but `close`, which is the client's own. */
export type MethodName = Exclude<keyof Engine & string, 'close'>

interface MethodKind {
  /** Takes `{ signal }` as its last argument. */
  readonly abortable: boolean
  /** Done twice it is done once: may be repeated where nobody knows whether it was done. */
  readonly repeatable: boolean
}

const plain: MethodKind = { abortable: false, repeatable: true }
const abortable: MethodKind = { abortable: true, repeatable: true }
const once: MethodKind = { abortable: true, repeatable: false }

/** One entry for each method, or this does not compile. */
export const methods: Readonly<Record<MethodName, MethodKind>> = {
  plan: plain,
  setup: abortable,
  teardown: abortable,
  attach: abortable,
  detach: abortable,
  connect: abortable,
  disconnect: abortable,
  // A free port would be chosen twice.
  publish: once,
  unpublish: abortable,
  list: plain,
  inspect: plain,
  check: plain,
  gc: abortable,
  createNetwork: once,
  removeNetwork: once,
  listNetworks: plain,
  inspectNetwork: plain,
  updateNetwork: abortable,
  pruneNetworks: abortable,
  reapplyRules: plain,
  prune: abortable,
}

export function isMethod(name: string): name is MethodName {
  return Object.hasOwn(methods, name)
}

/** Calls a method with arguments that have come over the socket. */
export async function callMethod(
  engine: Engine,
  name: MethodName,
  args: readonly unknown[],
  signal: AbortSignal,
): Promise<unknown> {
  // The caller's types were checked where it was compiled; both are of one version.
  const method = engine[name] as (...args: unknown[]) => Promise<unknown>
  return methods[name].abortable ? method(...args, { signal }) : method(...args)
}
