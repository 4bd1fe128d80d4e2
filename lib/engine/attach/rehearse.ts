/**
 * The decisions of a set-up without any effect: for dry runs, and to find what
 * would fail before the first network is made.
 *
 * @module
 */

import type { SetupRequest } from '../../model/attachment.ts'
import type { NetworkConfig } from '../../model/network.ts'
import type { EngineContext } from '../context.ts'
import { dryLeases, leaseAddresses } from './addresses.ts'
import { type DecidedSetup, decideEndpoints } from './decide.ts'
import { choosePorts } from './ports.ts'
import type { Target } from './target.ts'

/** Leases and ports are looked at, and not taken. */
export async function decideDry(
  context: EngineContext,
  request: SetupRequest,
  target: Target,
  configs: ReadonlyMap<string, NetworkConfig>,
): Promise<DecidedSetup> {
  const store = dryLeases(context)
  const by = { owner: target.owner, reap: store.reap }
  return decideEndpoints(context, request, target, configs, {
    lease: (endpoint) => leaseAddresses(context, store, endpoint, by),
    ports: (mappings) => choosePorts(context, mappings, by),
  })
}
