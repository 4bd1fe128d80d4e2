/**
 * The door of this room: what must be true of packets, as rule text.
 *
 * The backends print independently and in mirrored files; what they share is
 * behaviour, and that is checked by one table of probes (PROBES.md). Nothing
 * here runs a program or knows what is loaded on the host.
 *
 * @module
 */

import type { FirewallBackend } from '../model/attachment.ts'
import type { FirewallIntent } from '../plan/intent.ts'
import type { RulesStep } from '../plan/step.ts'
import * as iptablesBase from './iptables/base.ts'
import { printForeignAccept } from './iptables/foreign.ts'
import * as iptablesNetwork from './iptables/network.ts'
import * as iptablesPublish from './iptables/publish.ts'
import * as nftablesBase from './nftables/base.ts'
import * as nftablesNetwork from './nftables/network.ts'
import * as nftablesPublish from './nftables/publish.ts'
import { printNothing } from './none.ts'
import { printFlowLimit, printProtect } from './protect.ts'

/** Makes rules of one backend from intents. */
export interface FirewallPrinter {
  readonly backend: FirewallBackend
  /**
   * Scripts that make the intent true and scripts that take exactly that away.
   *
   * The scripts need the base of the same backend, but for `base` and
   * `foreignAccept`. One statement stands on each line, so that an executor can
   * take back line by line what is only partly there.
   *
   * @throws TSNET_INTERNAL for names that cannot stand in a rule
   */
  print(intent: FirewallIntent): readonly RulesStep[]
}

type Printers = {
  readonly [K in FirewallIntent['kind']]: (
    intent: Extract<FirewallIntent, { kind: K }>,
  ) => readonly RulesStep[]
}

const backends: { readonly [B in FirewallBackend]: Printers } = {
  iptables: {
    base: iptablesBase.printBase,
    network: (intent) => [...iptablesNetwork.printNetwork(intent), ...printFlowLimit(intent)],
    publish: iptablesPublish.printPublish,
    // Neither variant of iptables sees frames, and ebtables not what a neighbour advertisement is about.
    protect: printProtect,
    foreignAccept: printForeignAccept,
  },
  nftables: {
    base: nftablesBase.printBase,
    network: (intent) => [...nftablesNetwork.printNetwork(intent), ...printFlowLimit(intent)],
    publish: nftablesPublish.printPublish,
    protect: printProtect,
    // The chains that would drop are always those of one of the iptables variants (decisions 1).
    foreignAccept: printForeignAccept,
  },
  none: {
    base: printNothing,
    network: printNothing,
    publish: printNothing,
    protect: printNothing,
    foreignAccept: printNothing,
  },
}

/** The printer of a backend; that of `none` prints nothing. */
export function printerFor(backend: FirewallBackend): FirewallPrinter {
  return { backend, print: (intent) => print(backends[backend], intent) }
}

function print(printers: Printers, intent: FirewallIntent): readonly RulesStep[] {
  switch (intent.kind) {
    case 'base':
      return printers.base(intent)
    case 'network':
      return printers.network(intent)
    case 'publish':
      return printers.publish(intent)
    case 'protect':
      return printers.protect(intent)
    case 'foreignAccept':
      return printers.foreignAccept(intent)
  }
}
