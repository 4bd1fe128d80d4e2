/**
 * `tsnet doctor`: what is wrong with this host's container networks, the causes
 * first, each with evidence and the command that mends it.
 *
 * Looks only. A host in order gives nothing, also with other engines on it: what
 * is theirs is theirs, unless packets of ours do not arrive because of it.
 *
 * @module
 */

import type { Engine } from '../../engine/engine.ts'
import { findNamespace } from '../find.ts'
import { type Ailment, byCause } from './ailment.ts'
import { containerAilments } from './containers.ts'
import { hostAilments } from './host.ts'
import { nameAilments } from './names.ts'
import { examine, type Patient } from './patient.ts'
import { recordedAilments } from './recorded.ts'
import { ruleAilments } from './rules.ts'
import { wayAilments } from './waysout.ts'

/** @throws TSNET_NO_SUCH_CONTAINER (notFound) for a container nobody knows */
export async function diagnose(engine: Engine, container?: string): Promise<readonly Ailment[]> {
  const patient = await examine(engine)
  const found = ailmentsOf(patient)
  if (container === undefined) return found
  const { name, record } = findNamespace(patient.inventory, container)
  const networks = patient.inventory.records
    .filter((one) => one.container.id === record)
    .flatMap(({ attachments }) => attachments.map(({ network }) => network))
  const about = [name, record, 'host', 'names', ...networks]
  return found.filter(({ subject }) => about.includes(subject))
}

/** The pure half. */
export function ailmentsOf(patient: Patient): readonly Ailment[] {
  return byCause(
    once([
      ...recordedAilments(patient),
      ...hostAilments(patient),
      ...nameAilments(patient),
      ...containerAilments(patient),
      ...ruleAilments(patient),
      ...wayAilments(patient.ways),
    ]),
  )
}

/** The same found in two ways, or for two families, is one. */
function once(ailments: readonly Ailment[]): readonly Ailment[] {
  return ailments.filter(
    (one, at) =>
      ailments.findIndex(
        (other) => other.code === one.code && other.subject === one.subject && other.what === one.what,
      ) === at,
  )
}
