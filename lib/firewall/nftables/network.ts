/**
 * One network: its bridge and subnets in the sets that the base rules look at.
 *
 * The number of rules does not grow with the number of networks.
 *
 * @module
 */

import { familyOf, type Subnet } from '../../model/address.ts'
import { DNS_PORT } from '../../model/network.ts'
import type { NetworkIntent } from '../../plan/intent.ts'
import type { RulesStep } from '../../plan/step.ts'
import { questionProtocols } from '../ports.ts'
import { networkTag, safeIfname } from '../tag.ts'
import { type Element, elementsStep } from './table.ts'

export function printNetwork(intent: NetworkIntent): readonly RulesStep[] {
  const { internal, icc, isolate, isolateFrom, masquerade, routed = [], unprotected = [], subnets } = intent
  const tag = networkTag(intent.network)
  const bridge = `"${safeIfname(intent.bridge)}"`
  const element = (set: string, ...key: readonly string[]): Element => ({ set, key, tag })
  return [
    elementsStep([
      // Restrictions before the bridge counts as ours at all; one script is one transaction anyway.
      ...(internal ? [element('internal', bridge)] : []),
      ...(icc ? [element('icc', bridge, bridge)] : []),
      ...(isolate ? [] : [element('shared', bridge)]),
      ...(isolate && isolateFrom === 'isolated' ? [element('semi', bridge)] : []),
      ...subnets.map((subnet) => element(`hairpin${familyOf(subnet)}`, bridge, subnet)),
      ...(masquerade && !internal
        ? subnets
            .filter((subnet) => !routed.includes(familyOf(subnet)))
            .map((subnet) => leaving(intent, subnet, tag))
        : []),
      ...routed.map((family) => element(`routed${family}`, bridge)),
      ...unprotected.map((family) => element(`unprotected${family}`, bridge)),
      ...questions(intent, tag),
      element('bridges', bridge),
    ]),
  ]
}

/** With the address that was chosen, or with that of the way out. */
function leaving({ sources = [] }: NetworkIntent, subnet: Subnet, tag: string): Element {
  const family = familyOf(subnet)
  const source = sources.find((address) => familyOf(address) === family)
  return source === undefined
    ? { set: `masquerade${family}`, key: [subnet], tag }
    : { set: `sources${family}`, key: [subnet], value: [source], tag }
}

/** Questions for names, led to the port the name server has: as a port published on that one address. */
function questions({ names }: NetworkIntent, tag: string): readonly Element[] {
  if (names === undefined) return []
  return names.gateways.flatMap((gateway) =>
    questionProtocols.map((protocol) => ({
      set: `ports${familyOf(gateway)}_at`,
      key: [gateway, protocol, `${DNS_PORT}`],
      value: [gateway, `${names.port}`],
      tag,
    })),
  )
}
