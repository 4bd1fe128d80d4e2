/**
 * What connecting one more network does: the steps, and which default routes it takes from the others.
 *
 * @module
 */

import { fail } from '../../errors/codes.ts'
import { type Family, familyOf } from '../../model/address.ts'
import type { Attachment, SetupRequest } from '../../model/attachment.ts'
import type { BatchStep, Step } from '../../plan/step.ts'
import { sysctl } from '../../plan/sysctl.ts'
import type { OwnedStep } from '../../state/records.ts'
import { type DecidedSetup, planContainer } from '../attach/decide.ts'
import type { Target } from '../attach/target.ts'
import type { EngineContext } from '../context.ts'
import { findContainer } from '../look/find.ts'
import type { Anchor } from './change.ts'
import { defaultRouteOf, isDefault, moveDefault, priorityOf } from './defaultroute.ts'

/** One more network of a container, decided. */
export interface Connection {
  readonly attachment: Attachment
  readonly steps: readonly OwnedStep[]
  /** Families whose default route it takes from another network of the container. */
  readonly taken: readonly Family[]
  /** What takes them. */
  readonly moves: readonly BatchStep[]
  /** The routes of those. */
  readonly moved: readonly OwnedStep[]
}

/** @throws TSNET_INTERNAL where nothing was planned */
export function planConnection(
  context: EngineContext,
  { result, record }: Anchor,
  request: SetupRequest,
  decided: DecidedSetup,
  sandbox: NonNullable<Target['sandbox']>,
): Connection {
  const [plan] = decided.plans
  if (plan === undefined) throw fail('TSNET_INTERNAL', { message: 'connecting: nothing was planned' })
  const all = findContainer(context, { container: result.container.id }).attachments
  const priority = request.networks[0]?.gatewayPriority ?? 0
  const carrier = (family: Family): Attachment | undefined =>
    all.find(({ defaultRoute }) => defaultRoute.includes(family))
  const own = (attachment: Attachment): boolean =>
    result.attachments.some(({ ifname }) => ifname === attachment.ifname)
  const taken = plan.attachment.defaultRoute.filter((family) => {
    const from = carrier(family)
    return from !== undefined && own(from) && priority > priorityOf(record.request, from)
  })
  const carries = plan.attachment.defaultRoute.filter(
    (family) => carrier(family) === undefined || taken.includes(family),
  )
  const attachment = { ...plan.attachment, defaultRoute: carries }
  const { ifname } = attachment
  const moves = taken.flatMap((family): readonly BatchStep[] => {
    const [to, from] = [defaultRouteOf(plan.attachment, family), carrier(family)]
    const back = from === undefined ? undefined : defaultRouteOf(from, family)
    return to === undefined || back === undefined ? [] : [moveDefault(to, back)]
  })
  const routes = plan.sandbox.filter(
    (step) =>
      !(
        step.kind === 'route' &&
        isDefault(step) &&
        !(carries.includes(familyOf(step.to)) && !taken.includes(familyOf(step.to)))
      ),
  )
  const inside: readonly Step[] = [...routes, ...severalNetworks(all, attachment), ...moves]
  const steps = planContainer(
    context,
    { ...decided, sandboxSteps: [], plans: [{ ...plan, sandbox: inside }] },
    sandbox,
  )
  const moved = taken.flatMap((family) => {
    const step = defaultRouteOf(plan.attachment, family)
    return step === undefined ? [] : [{ of: ifname, step }]
  })
  return { attachment, steps, taken, moves, moved }
}

/**
 * Answers leave by the default route, whichever network the question came from:
 * strict reverse path filtering would drop the question (decisions 11).
 */
function severalNetworks(others: readonly Attachment[], own: Attachment): readonly Step[] {
  const four = [...others, own].filter(({ addresses }) => addresses.some((cidr) => familyOf(cidr) === 4))
  if (four.length < 2) return []
  return four.map(({ ifname }) => sysctl('sandbox', `net/ipv4/conf/${ifname}/rp_filter`, '2'))
}
