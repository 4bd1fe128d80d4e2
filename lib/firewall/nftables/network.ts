/**
 * One network: its bridge and subnets in the sets that the base rules look at.
 *
 * The number of rules does not grow with the number of networks.
 *
 * @module
 */

import { familyOf } from '../../model/address.ts'
import type { NetworkIntent } from '../../plan/intent.ts'
import type { RulesStep } from '../../plan/step.ts'
import { networkTag, safeIfname } from '../tag.ts'
import { type Element, elementsStep } from './table.ts'

export function printNetwork(intent: NetworkIntent): readonly RulesStep[] {
  const { internal, icc, isolate, masquerade, subnets } = intent
  const tag = networkTag(intent.network)
  const bridge = `"${safeIfname(intent.bridge)}"`
  const element = (set: string, ...key: readonly string[]): Element => ({ set, key, tag })
  return [
    elementsStep([
      // Restrictions before the bridge counts as ours at all; one script is one transaction anyway.
      ...(internal ? [element('internal', bridge)] : []),
      ...(icc ? [element('icc', bridge, bridge)] : []),
      ...(isolate ? [] : [element('shared', bridge)]),
      ...subnets.map((subnet) => element(`hairpin${familyOf(subnet)}`, bridge, subnet)),
      ...(masquerade && !internal
        ? subnets.map((subnet) => element(`masquerade${familyOf(subnet)}`, subnet))
        : []),
      element('bridges', bridge),
    ]),
  ]
}
