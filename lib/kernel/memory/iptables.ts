/**
 * iptables of the memory kernel: tables of one variant and family, changed by
 * the same restore text that the real programs take.
 *
 * Knows chains, rules as text, and what needs what: a rule needs its chain and
 * the chain it jumps to, a chain goes only when it is empty and nothing jumps to
 * it. Not what a rule means. Each table is committed for itself.
 *
 * @module
 */

import { commandsOf, makesOnlyChains, type RestoreCommand } from '../rules/restore-text.ts'
import { addingTo, endingOf, removingFrom, sharedChains } from '../rules/shared-chains.ts'
import { Refusal } from './namespace.ts'

type Chains = Map<string, string[]>

const builtIn: Readonly<Record<string, readonly string[]>> = {
  raw: ['PREROUTING', 'OUTPUT'],
  mangle: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
}
const builtInNames = new Set(Object.values(builtIn).flat())

export class MemoryTables {
  readonly #tables = new Map<string, Chains>(
    Object.entries(builtIn).map(([table, chains]) => [table, new Map(chains.map((chain) => [chain, []]))]),
  )

  /**
   * Adds what the text says.
   *
   * @returns false where it only makes chains and all were there
   * @throws Refusal; tables before the failing one stay changed
   */
  restore(text: string): boolean {
    if (makesOnlyChains(text) && this.#hasAll(text)) return false
    const now = addingTo(text, ({ table, chain }) => this.#table(table).has(chain))
    for (const [table, commands] of byTable(now)) {
      const chains = copyOf(this.#table(table))
      for (const command of commands) run(chains, command)
      this.#tables.set(table, chains)
    }
    return true
  }

  /** Takes away what the text says; what is gone already stops nothing. */
  revert(text: string): void {
    for (const { table, command } of commandsOf(removingFrom(text, () => false))) {
      try {
        // An emptying line in a removal must not make the chain.
        if (!command.startsWith(':')) run(this.#table(table), command)
      } catch (error) {
        if (!(error instanceof Refusal) || error.errno !== 'ENOENT') throw error
      }
    }
    for (const shared of sharedChains(text)) {
      const chains = copyOf(this.#table(shared.table))
      try {
        for (const { command } of commandsOf(endingOf(text, shared))) run(chains, command)
        this.#tables.set(shared.table, chains)
      } catch (error) {
        // Rules of others are in it, or it is gone.
        if (!(error instanceof Refusal)) throw error
      }
    }
  }

  /** Everything the adding text makes is there. */
  holds(text: string): boolean {
    return commandsOf(text).every(({ table, command }) => {
      const { verb, chain, rule } = parse(command)
      const rules = this.#table(table).get(chain)
      return rules !== undefined && (verb === ':' || verb === '-N' || rules.includes(rule))
    })
  }

  /** Chain TSNET-USER has rules of an admin. */
  userRules(): boolean {
    return (this.#tables.get('filter')?.get('TSNET-USER')?.length ?? 0) > 0
  }

  /** As iptables-save prints it. */
  saved(): string {
    return [...this.#tables]
      .flatMap(([table, chains]) => [
        `*${table}`,
        ...[...chains.keys()].map((chain) => `:${chain} - [0:0]`),
        ...[...chains].flatMap(([chain, rules]) => rules.map((rule) => `-A ${chain} ${rule}`)),
        'COMMIT',
      ])
      .join('\n')
  }

  dump(): readonly string[] {
    return [...this.#tables].flatMap(([table, chains]) =>
      [...chains].flatMap(([chain, rules]) => [
        ...(builtInNames.has(chain) ? [] : [`*${table} -N ${chain}`]),
        ...rules.map((rule) => `*${table} -A ${chain} ${rule}`),
      ]),
    )
  }

  #hasAll(text: string): boolean {
    return commandsOf(text).every(({ table, command }) => this.#table(table).has(parse(command).chain))
  }

  #table(name: string): Chains {
    const table = this.#tables.get(name)
    if (table === undefined) throw new Refusal('ENOENT', `no table ${name}`)
    return table
  }
}

function byTable(text: string): readonly (readonly [string, readonly string[]])[] {
  const groups = new Map<string, string[]>()
  for (const { table, command } of commandsOf(text) as readonly RestoreCommand[]) {
    groups.set(table, [...(groups.get(table) ?? []), command])
  }
  return [...groups]
}

function copyOf(chains: Chains): Chains {
  return new Map([...chains].map(([chain, rules]) => [chain, [...rules]]))
}

interface Command {
  readonly verb: string
  readonly chain: string
  /** Empty but for rule commands. */
  readonly rule: string
}

function parse(command: string): Command {
  const [, verb = '', chain = '', rest = ''] = /^(:|-\w\s+)(\S+)\s*(?:\d+\s)?\s*(.*)$/.exec(command) ?? []
  return { verb: verb.trim(), chain, rule: rest.trim() }
}

function run(chains: Chains, text: string): void {
  const { verb, chain, rule } = parse(text)
  if (verb === ':') chains.set(chain, [])
  else if (verb === '-N') {
    if (chains.has(chain)) throw new Refusal('EEXIST', `chain ${chain} is there already`)
    chains.set(chain, [])
  } else changeChain(chains, { verb, chain, rule })
}

function changeChain(chains: Chains, { verb, chain, rule }: Command): void {
  const rules = chains.get(chain)
  if (rules === undefined) throw new Refusal('ENOENT', `no chain ${chain}`)
  switch (verb) {
    case '-A':
    case '-I': {
      const [, to] = /\s-[jg] (TSNET-\S+)/.exec(` ${rule}`) ?? []
      if (to !== undefined && !chains.has(to)) throw new Refusal('ENOENT', `no chain ${to} to jump to`)
      if (verb === '-A') rules.push(rule)
      else rules.unshift(rule)
      return
    }
    case '-D': {
      const at = rules.indexOf(rule)
      if (at < 0) throw new Refusal('ENOENT', `no rule ${rule} in ${chain}`)
      rules.splice(at, 1)
      return
    }
    case '-F':
      rules.length = 0
      return
    case '-X': {
      const jumps = [...chains.values()]
        .flat()
        .some((one) => ` ${one} `.match(/ -[jg] (\S+) /)?.[1] === chain)
      if (rules.length > 0 || jumps) throw new Refusal('EBUSY', `chain ${chain} is in use`)
      chains.delete(chain)
      return
    }
    default:
      throw new Refusal('EINVAL', `no command ${verb}`)
  }
}
