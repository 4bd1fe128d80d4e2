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
import { ownerInKey } from '../../model/names.ts'
import { findNamespace } from '../find.ts'
import type { Inventory, NamespaceView } from '../views.ts'
import { type Ailment, byCause } from './ailment.ts'
import { containerAilments } from './containers.ts'
import { hostAilments } from './host.ts'
import { nameAilments } from './names.ts'
import { examine, type Patient } from './patient.ts'
import { recordedAilments } from './recorded.ts'
import { ruleAilments } from './rules.ts'
import { wayAilments } from './waysout.ts'
import { nameOf } from './words.ts'

/** @throws TSNET_NO_SUCH_CONTAINER (notFound) for a container nobody knows */
export async function diagnose(engine: Engine, container?: string): Promise<readonly Ailment[]> {
  return ailmentsOf(await examine(engine), container)
}

/** The pure half. */
export function ailmentsOf(patient: Patient, container?: string): readonly Ailment[] {
  const found = byCause(
    once([
      ...recordedAilments(patient),
      ...hostAilments(patient),
      ...nameAilments(patient),
      ...containerAilments(patient),
      ...ruleAilments(patient),
      ...wayAilments(patient.ways),
    ]),
  )
  if (container === undefined) return found
  const about = aboutOf(patient.inventory, findNamespace(patient.inventory, container))
  return found.filter(({ subject }) => about.includes(ownerInKey(subject)))
}

/** All that findings may call it by: the host, whoever is in that namespace, and the networks they are on. */
function aboutOf({ records }: Inventory, view: NamespaceView): readonly string[] {
  const here = records.filter(
    ({ container, sandbox }) =>
      sandbox.identity.cookie === view.cookie || container.id === view.container?.id,
  )
  return [
    ...['host', 'names', view.name],
    ...(view.container === undefined ? [] : [view.container.id]),
    ...here.flatMap((record) => [record.container.id, nameOf(record)]),
    ...here.flatMap(({ attachments }) => attachments.map(({ network }) => network)),
  ]
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
