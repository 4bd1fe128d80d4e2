/**
 * What of restore texts is not on the host any more, and the text that puts it back.
 *
 * The printers write rules as iptables-save does, so both are compared as text,
 * at the cost of one program however many rules there are. A chain of our own
 * that lacks a rule, or has one with our tag that nobody asks for, is emptied and
 * filled anew, in one transaction with the rest of its table, because the order
 * of its rules matters; in chains of others only what is missing is added. Not
 * responsible for starting programs (mend-rules.ts).
 *
 * @module
 */

import { commandsOf } from './restore-text.ts'
import { sharedChains } from './shared-chains.ts'

export interface Mending {
  /** Which of the texts something is missing of, by number; -1: rules of nobody are there. */
  readonly damaged: readonly number[]
  /** For `iptables-restore --noflush`; empty where nothing is missing. */
  readonly text: string
}

interface Wanted {
  readonly of: number
  /** Table and chain. */
  readonly place: string
  readonly table: string
  readonly command: string
  /** As iptables-save prints it; undefined for what makes the chain. */
  readonly rule: string | undefined
  /** The text makes the chain, or empties it: nobody else's rules are in it. */
  readonly makesOwn: boolean
}

/** @param saved of iptables-save */
export function mendingOf(adds: readonly string[], saved: string): Mending {
  const wanted = allWanted(adds)
  const there = rulesIn(saved)
  const missing = new Set(
    wanted.filter(({ place, rule }) => {
      const rules = there.get(place)
      return rules === undefined || (rule !== undefined && !rules.has(rule))
    }),
  )
  const own = new Set(wanted.filter(({ makesOwn }) => makesOwn).map(({ place }) => place))
  const asked = new Set(wanted.map(({ place, rule }) => `${place} ${rule}`))
  const stale = [...own].filter((place) =>
    [...(there.get(place) ?? [])].some((rule) => isTagged(rule) && !asked.has(`${place} ${rule}`)),
  )
  if (missing.size + stale.length === 0) return { damaged: [], text: '' }
  const anew = new Set([
    ...stale,
    ...[...missing].map(({ place }) => place).filter((place) => own.has(place)),
  ])
  const damaged = [...new Set([...missing].map(({ of }) => of))].sort((a, b) => a - b)
  return {
    damaged: damaged.length === 0 ? [-1] : damaged,
    text: documentOf(wanted.filter((one) => anew.has(one.place) || missing.has(one))),
  }
}

/** What several texts share is wanted once, of the first of them. */
function allWanted(adds: readonly string[]): readonly Wanted[] {
  const shared = new Set<string>()
  return adds.flatMap((add, of) => {
    const own = new Set(sharedChains(add).map(({ table, chain }) => `${table} ${chain}`))
    return commandsOf(add)
      .flatMap(({ table, command }) => wantedOf(table, command, of))
      .map((one) => (own.has(one.place) && one.rule === undefined ? madeOwn(one) : one))
      .filter(({ place, table, command, rule }) => {
        const to = /\s-j\s+(\S+)$/.exec(command)?.[1]
        if (!own.has(rule === undefined ? place : `${table} ${to}`)) return true
        const isFirst = !shared.has(`${table} ${command}`)
        shared.add(`${table} ${command}`)
        return isFirst
      })
  })
}

/** Emptied and filled anew where something of it is missing. */
function madeOwn(one: Wanted): Wanted {
  const chain = one.place.slice(one.table.length + 1)
  return { ...one, command: `:${chain} - [0:0]`, makesOwn: true }
}

function wantedOf(table: string, command: string, of: number): readonly Wanted[] {
  const [, made] = /^(?::|-N\s+)(\S+)/.exec(command) ?? []
  if (made !== undefined) {
    const makesOwn = command.startsWith(':')
    return [{ of, table, place: `${table} ${made}`, command, rule: undefined, makesOwn }]
  }
  const [, chain, rule] = /^-[AI]\s+(\S+)\s+(?:\d+\s+)?(.*)$/.exec(command) ?? []
  if (chain === undefined || rule === undefined) return []
  return [{ of, table, place: `${table} ${chain}`, command, rule: unquoted(rule), makesOwn: false }]
}

/** Rules by table and chain. */
function rulesIn(saved: string): ReadonlyMap<string, ReadonlySet<string>> {
  const rules = new Map<string, Set<string>>()
  let table = ''
  for (const line of saved.split('\n')) {
    if (line.startsWith('*')) table = line.slice(1).trim()
    const [, declared] = /^:(\S+)/.exec(line) ?? []
    if (declared !== undefined) rules.set(`${table} ${declared}`, new Set())
    const [, chain, rule = ''] = /^-A (\S+) ?(.*)$/.exec(line) ?? []
    if (chain !== undefined) rules.get(`${table} ${chain}`)?.add(unquoted(rule))
  }
  return rules
}

/** iptables-save quotes a comment only where it must. */
function unquoted(rule: string): string {
  return rule.replaceAll('"', '').trim()
}

function isTagged(rule: string): boolean {
  return rule.includes('--comment tsnet:')
}

/** Chains first: rules jump to those of later texts. */
function documentOf(commands: readonly Wanted[]): string {
  return [...new Set(commands.map(({ table }) => table))]
    .flatMap((table) => {
      const own = commands.filter((one) => one.table === table)
      return [
        `*${table}`,
        ...own.filter(({ rule }) => rule === undefined).map(({ command }) => command),
        ...own.filter(({ rule }) => rule !== undefined).map(({ command }) => command),
        'COMMIT',
      ]
    })
    .map((line) => `${line}\n`)
    .join('')
}
