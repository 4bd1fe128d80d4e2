/**
 * All packet rules of the memory kernel's host, by tool: nftables, and iptables
 * in two variants and two families that do not know of each other.
 *
 * @module
 */

import type { RulesStep, RulesTool } from '../../plan/step.ts'
import type { TaggedRules } from '../kernel.ts'
import { taggedInSave } from '../rules/tagged.ts'
import { MemoryTables } from './iptables.ts'
import { MemoryRuleset } from './nftables.ts'

const iptables = ['iptables-nft', 'ip6tables-nft', 'iptables-legacy', 'ip6tables-legacy'] as const

export class MemoryRules {
  readonly #variant: 'nft' | 'legacy'
  readonly #nft = new MemoryRuleset()
  readonly #tables = new Map(iptables.map((tool) => [tool as string, new MemoryTables()]))

  /** @param variant what plain `iptables` is */
  constructor(variant: 'nft' | 'legacy') {
    this.#variant = variant
  }

  /** @throws Refusal */
  add({ tool, add }: RulesStep): { readonly created: boolean } {
    if (tool !== 'nft') return { created: this.#tablesOf(tool).restore(add) }
    this.#nft.run(add)
    return { created: true }
  }

  remove({ tool, remove }: RulesStep): void {
    if (tool === 'nft') this.#nft.revert(remove)
    else this.#tablesOf(tool).revert(remove)
  }

  holds({ tool, add }: RulesStep): boolean {
    return tool === 'nft' ? this.#nft.holds(add) : this.#tablesOf(tool).holds(add)
  }

  userRules(backend: 'iptables' | 'nftables'): boolean {
    if (backend === 'nftables') return this.#nft.userRules()
    return this.#tablesOf('iptables').userRules() || this.#tablesOf('ip6tables').userRules()
  }

  tagged(): readonly TaggedRules[] {
    const saved = (['iptables', 'ip6tables'] as const).flatMap((tool) =>
      taggedInSave(tool, this.#tablesOf(tool).saved()),
    )
    return [...this.#nft.tagged(), ...saved]
  }

  dump(): readonly string[] {
    const lines = [...this.#tables].flatMap(([tool, tables]) =>
      tables.dump().map((line) => `${tool} ${line}`),
    )
    return [...this.#nft.dump().map((line) => `nft ${line}`), ...lines]
  }

  #tablesOf(tool: Exclude<RulesTool, 'nft'>): MemoryTables {
    const name = /^ip6?tables$/.test(tool) ? `${tool}-${this.#variant}` : tool
    return this.#tables.get(name) as MemoryTables
  }
}
