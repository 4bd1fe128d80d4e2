/**
 * The handler of each kind of step, in one table.
 *
 * @module
 */

import type { LoweredStep } from '../../plan/step.ts'
import { address, route } from './addresses.ts'
import { batch } from './batch.ts'
import { conntrack, rules, sysctl } from './calls.ts'
import { file } from './files.ts'
import type { AnyHandler, Handlers } from './handler.ts'
import { bridge, bridgePort, linkUp, veth } from './links.ts'

const handlers: Handlers = {
  bridge,
  veth,
  bridgePort,
  linkUp,
  address,
  route,
  sysctl,
  rules,
  batch,
  conntrack,
  file,
}

/** To be called with that step only. */
export function handlerOf(step: LoweredStep): AnyHandler {
  // TypeScript cannot see that step and handler are of the same kind; `Handlers` has made sure of it.
  return handlers[step.kind] as unknown as AnyHandler
}
