/**
 * Chains that several restore texts share, made with the first rule in them and removed with the last.
 *
 * A text that puts rules into such a chain makes it (`-N`) and leads to it
 * (`-A OTHER … -j CHAIN`), every time; its inverse takes the way to it (`-D OTHER
 * … -j CHAIN`) and the chain (`-X`, without emptying it first). The rules in it
 * are its count of users, and the kernel keeps it: a chain with rules is not
 * deleted, and the way to it goes in the same transaction or not at all. So
 * nobody needs a lock, and nothing is written down that a kill could spoil. What
 * of a text is to be run, knowing which of the chains are there, is decided here.
 *
 * @module
 */

import { commandsOf, documentOf, type RestoreCommand } from './restore-text.ts'

export interface SharedChain {
  readonly table: string
  readonly chain: string
}

interface Sorted {
  readonly shared: readonly SharedChain[]
  /** Of what makes a shared chain and leads to it, or takes it away: which chain. Undefined for everything else. */
  readonly chainOf: (command: RestoreCommand) => SharedChain | undefined
  readonly commands: readonly RestoreCommand[]
}

/** Chains that a text shares with others, whichever way it goes. */
export function sharedChains(text: string): readonly SharedChain[] {
  return sorted(text).shared
}

/**
 * The text for a host where these of its shared chains are there.
 *
 * @param isThere asked once for each
 */
export function addingTo(text: string, isThere: (chain: SharedChain) => boolean): string {
  const { shared, chainOf, commands } = sorted(text)
  const absent = new Set(shared.filter((one) => !isThere(one)))
  const made = new Set<string>()
  const isWanted = (one: RestoreCommand): boolean => {
    const chain = chainOf(one)
    if (chain === undefined) return true
    const isNew = absent.has(chain) && !made.has(`${one.table} ${one.command}`)
    made.add(`${one.table} ${one.command}`)
    return isNew
  }
  return documentOf(commands.filter(isWanted))
}

/**
 * The removal with these of its shared chains, in the same transactions as the rest.
 *
 * @param isLast whether nothing but this many rules of the text is in the chain
 */
export function removingFrom(text: string, isLast: (chain: SharedChain, rules: number) => boolean): string {
  const { shared, chainOf, commands } = sorted(text)
  const plain = commands.filter((one) => chainOf(one) === undefined)
  const rulesIn = ({ table, chain }: SharedChain): number =>
    plain.filter((one) => one.table === table && one.command.startsWith(`-D ${chain} `)).length
  const going = shared.filter((one) => isLast(one, rulesIn(one)))
  const ends = going.flatMap((chain) => endOf(commands, (one) => chainOf(one) === chain))
  return documentOf([...plain, ...ends])
}

/** One transaction that removes a shared chain and the way to it, and fails while rules are in it. */
export function endingOf(text: string, chain: SharedChain): string {
  const { shared, chainOf, commands } = sorted(text)
  const own = shared.find((one) => one.table === chain.table && one.chain === chain.chain)
  return documentOf(endOf(commands, (one) => own !== undefined && chainOf(one) === own))
}

/** Of many equal ones the first. */
function endOf(
  commands: readonly RestoreCommand[],
  isOf: (command: RestoreCommand) => boolean,
): readonly RestoreCommand[] {
  const own = commands.filter(isOf)
  return own.filter((one, i) => own.findIndex(({ command }) => command === one.command) === i)
}

function sorted(text: string): Sorted {
  const commands = commandsOf(text)
  const key = (table: string, chain: string | undefined): string => `${table} ${chain}`
  const emptied = new Set(
    commands.map(({ table, command }) => key(table, /^(?:-F\s+|:)(\S+)/.exec(command)?.[1])),
  )
  const filled = new Set(
    commands.map(({ table, command }) => key(table, /^-[AID]\s+(\S+)/.exec(command)?.[1])),
  )
  const ledTo = new Set(commands.map(({ table, command }) => key(table, jumpOf(command))))
  const shared = new Map<string, SharedChain>()
  for (const { table, command } of commands) {
    const chain = /^-[NX]\s+(\S+)/.exec(command)?.[1]
    const name = key(table, chain)
    // Of a chain that others fill (TSNET-USER) nobody here is the last.
    const isShared = ledTo.has(name) && filled.has(name) && !emptied.has(name)
    if (chain !== undefined && isShared && !shared.has(name)) shared.set(name, { table, chain })
  }
  return {
    shared: [...shared.values()],
    commands,
    chainOf: ({ table, command }) =>
      shared.get(key(table, /^-[NX]\s+(\S+)/.exec(command)?.[1] ?? jumpOf(command))),
  }
}

/** Where a rule that is added or deleted leads. */
export function jumpOf(command: string): string | undefined {
  return /^-[AID]\s.*\s-j\s+(\S+)$/.exec(command)?.[1]
}
