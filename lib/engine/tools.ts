/**
 * What must be installed for a backend.
 *
 * @module
 */

import type { FirewallBackend } from '../model/attachment.ts'
import type { EngineContext } from './context.ts'

/** @throws TSNET_PROGRAM_MISSING (unavailable) naming the package */
export function requireTools(context: EngineContext, backend: FirewallBackend): void {
  if (backend !== 'none') context.kernel.requireBackend(backend)
}
