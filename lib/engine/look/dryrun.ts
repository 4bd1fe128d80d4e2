/**
 * `setup --dry-run` and `plan`: the decisions of a set-up without its effects.
 *
 * @module
 */

import type { SetupRequest } from '../../model/attachment.ts'
import { validateSetup } from '../../model/validate.ts'
import { script } from '../../plan/describe.ts'
import { planContainer } from '../attach/decide.ts'
import { wantedNetworks } from '../attach/endpoints.ts'
import { decideDry } from '../attach/rehearse.ts'
import { refuseSysctlValues } from '../attach/sysctls.ts'
import { openTarget, withLinks } from '../attach/target.ts'
import type { EngineContext } from '../context.ts'
import type { PlannedSetup } from '../engine.ts'
import { planNetworks } from '../network/ensure.ts'
import { requireTools } from '../tools.ts'

/** Changes nothing; a container that is set up already is planned again as if it were not. */
export async function planSetup(context: EngineContext, request: SetupRequest): Promise<PlannedSetup> {
  validateSetup(request)
  const backend = request.firewall ?? context.backend
  requireTools(context, backend)
  const named = await openTarget(context, request)
  try {
    const target = await withLinks(named)
    refuseSysctlValues(request.sysctls, context.kernel)
    const { configs, units } = await planNetworks(context, wantedNetworks(request), backend)
    const decided = await decideDry(context, request, target, configs)
    const own = planContainer(context, decided, target.sandbox)
    const steps = [...units.flatMap((unit) => unit.steps), ...own.map(({ step }) => step)]
    return { result: decided.result, steps, script: script(steps, { sandboxPath: target.path }) }
  } finally {
    named.sandbox?.close()
  }
}
