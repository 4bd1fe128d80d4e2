/**
 * tsnet/firewall: packet rules from intent, as iptables-restore or nft text.
 *
 * @module
 */

export { type FirewallPrinter, printerFor } from './firewall/printer.ts'
export type {
  BaseIntent,
  FirewallIntent,
  ForeignAcceptIntent,
  NamesPlace,
  NetworkIntent,
  ProtectIntent,
  PublishIntent,
} from './plan/intent.ts'
export type { RulesStep, RulesTool } from './plan/step.ts'
