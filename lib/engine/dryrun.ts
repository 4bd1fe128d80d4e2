/**
 * `setup --dry-run` and `plan`: the decisions of a set-up without its effects.
 *
 * @module
 */

import type { SetupRequest } from '../model/attachment.ts'
import { validateSetup } from '../model/validate.ts'
import { script } from '../plan/describe.ts'
import type { EngineContext } from './context.ts'
import { planContainer } from './decide.ts'
import { wantedNetworks } from './endpoints.ts'
import type { PlannedSetup } from './engine.ts'
import { planNetworks } from './ensure.ts'
import { decideDry } from './rehearse.ts'
import { refuseSysctlValues } from './sysctls.ts'
import { openTarget } from './target.ts'
import { requireTools } from './tools.ts'

/** Changes nothing; a container that is set up already is planned again as if it were not. */
export async function planSetup(context: EngineContext, request: SetupRequest): Promise<PlannedSetup> {
  validateSetup(request)
  const backend = request.firewall ?? context.backend
  requireTools(context, backend)
  const target = await openTarget(context, request)
  try {
    refuseSysctlValues(request.sysctls, context.kernel)
    const { configs, units } = await planNetworks(context, wantedNetworks(request), backend)
    const decided = await decideDry(context, request, target, configs)
    const own = planContainer(context, decided, target.sandbox)
    const steps = [...units.flatMap((unit) => unit.steps), ...own.map(({ step }) => step)]
    return { result: decided.result, steps, script: script(steps, { sandboxPath: target.path }) }
  } finally {
    target.sandbox?.close()
  }
}
