/**
 * `setup --dry-run` and `plan`: the decisions of a set-up without its effects.
 *
 * @module
 */

import type { SetupRequest } from '../model/attachment.ts'
import type { NetworkConfig } from '../model/network.ts'
import { validateSetup } from '../model/validate.ts'
import { script } from '../plan/describe.ts'
import type { LoweredStep } from '../plan/step.ts'
import { dryLeases, leaseAddresses } from './addresses.ts'
import type { EngineContext } from './context.ts'
import { decideEndpoints, planContainer } from './decide.ts'
import { wantedNetworks } from './endpoints.ts'
import type { PlannedSetup } from './engine.ts'
import { defined } from './ensure.ts'
import { choosePorts } from './ports.ts'
import { openTarget } from './target.ts'
import { missingUnits } from './units.ts'

/** Changes nothing; a container that is set up already is planned again as if it were not. */
export async function planSetup(context: EngineContext, request: SetupRequest): Promise<PlannedSetup> {
  validateSetup(request)
  const target = await openTarget(context, request)
  try {
    const endpoints = wantedNetworks(request)
    const configs = new Map<string, NetworkConfig>()
    const units = new Map<string, readonly LoweredStep[]>()
    for (const { network } of endpoints) {
      const config = configs.get(network) ?? (await defined(context, network))
      configs.set(network, config)
      for (const { unit, steps } of await missingUnits(
        context,
        config,
        request.firewall ?? context.backend,
      )) {
        units.set(unit, steps)
      }
    }
    const store = dryLeases(context)
    const decided = await decideEndpoints(context, request, target, configs, {
      lease: (endpoint) => leaseAddresses(context, store, endpoint, target.owner),
      ports: (mappings) => choosePorts(context, mappings, target.owner),
    })
    const own = planContainer(context, decided, target.sandbox)
    const steps = [...[...units.values()].flat(), ...own.map(({ step }) => step)]
    return { result: decided.result, steps, script: script(steps, { sandboxPath: target.path }) }
  } finally {
    target.sandbox?.close()
  }
}
