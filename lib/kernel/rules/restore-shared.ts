/**
 * Running texts that share chains with others (shared-chains.ts), against whoever makes and removes them at the same
 * time.
 *
 * Which chains are there the kernel says for iptables-nft, for the price of a
 * netlink message; iptables-legacy is tried, with what this process knows. Either
 * can be news by the time the program runs: it refuses the whole table then, names
 * the line, and is given the other text. Whoever makes a chain of iptables-nft
 * waits for his turn (turns.ts).
 *
 * @module
 */

import type { RunResult } from '../system/run.ts'
import { chainUses } from './nft-elements.ts'
import { complaint, type IptablesTool, isNft, isRefused, revertSingly, runRestore } from './restore-run.ts'
import { commandsOf, failedLine, isLockBusy, type RestoreCommand } from './restore-text.ts'
import { addingTo, endingOf, removingFrom, type SharedChain, sharedChains } from './shared-chains.ts'
import { inTurn } from './turns.ts'

/** Several lose the same race in turns; each of them is over in milliseconds. */
const mostRaces = 6

/** Chains of iptables-legacy as this process saw them last. */
const known = new Set<string>()

/** @throws as `restore` of iptables.ts */
export async function addShared(tool: IptablesTool, text: string): Promise<void> {
  const shared = sharedChains(text)
  const there = new Map(shared.map((chain) => [nameOf(tool, chain), isThere(tool, chain)]))
  for (let attempt = 1; ; attempt++) {
    const { now, result } = await tryAdding(tool, text, there)
    if (result.exitCode === 0) {
      for (const name of there.keys()) known.add(name)
      return
    }
    const failing = failingOf(now, result)
    const [, verb, chain = ''] = /^-([NAI])\s+(\S+)/.exec(failing?.command ?? '') ?? []
    const name = failing === undefined ? '' : nameOf(tool, { table: failing.table, chain })
    // Made since we looked, or removed since then. Everything else is no race.
    const isNews = there.get(name) === (verb !== 'N')
    if (isLockBusy(result.stderr) || !isNews || attempt > mostRaces + there.size)
      throw complaint(`${tool}-restore`, now, result)
    there.set(name, verb === 'N')
  }
}

/** @param there which of the shared chains are; who makes one of iptables-nft looks again when it is his turn */
async function tryAdding(
  tool: IptablesTool,
  text: string,
  there: Map<string, boolean>,
): Promise<{ readonly now: string; readonly result: RunResult }> {
  const add = async (): Promise<{ readonly now: string; readonly result: RunResult }> => {
    const now = addingTo(text, (chain) => there.get(nameOf(tool, chain)) === true)
    return { now, result: await runRestore(tool, now) }
  }
  if (!isNft(tool) || [...there.values()].every(Boolean)) return add()
  return inTurn(() => {
    for (const chain of sharedChains(text)) there.set(nameOf(tool, chain), isThere(tool, chain))
    return add()
  })
}

/**
 * What is gone already stops nothing. Where the kernel tells how many rules are in a chain, it goes in the same
 * transaction as the last of them, or behind it; else in one of its own behind that, by the same process, which fails where
 * rules of others are left, as it should.
 *
 * @throws as `revertRestore` of iptables.ts
 */
export async function removeShared(tool: IptablesTool, text: string): Promise<void> {
  const shared = sharedChains(text)
  const isCounted = isNft(tool)
  const isLast = (chain: SharedChain, rules: number): boolean => (usesOf(tool, chain) ?? 0) <= rules + 1
  const first = removingFrom(text, isCounted ? isLast : () => false)
  const ends = isCounted ? [] : shared.map((chain) => ({ chain, text: endingOf(text, chain) }))
  const whole = [first, ...ends.map((end) => end.text)].join('')
  const result = await runRestore(tool, whole)
  for (const chain of shared) known.delete(nameOf(tool, chain))
  if (result.exitCode === 0) {
    // Of those who went together nobody was the last when he looked: whoever is done last finds only the way to it.
    const left = isCounted ? shared.filter((chain) => (usesOf(tool, chain) ?? 2) <= 1) : []
    for (const chain of left) await endSingly(tool, chain, endingOf(text, chain))
    return
  }
  if (isLockBusy(result.stderr)) throw complaint(`${tool}-restore`, whole, result)
  const line = failedLine(result.stderr) ?? 0
  if (line > linesOf(first)) return endEach(tool, ends, line - linesOf(first))
  await revertSingly(
    tool,
    removingFrom(text, () => false),
  )
  for (const chain of shared) await endSingly(tool, chain, endingOf(text, chain))
}

interface Ending {
  readonly chain: SharedChain
  readonly text: string
}

/** The program has given up at that line of the endings: one chain is done with, those behind it are to be tried. */
async function endEach(tool: IptablesTool, ends: readonly Ending[], line: number): Promise<void> {
  const [end, ...later] = ends
  if (end === undefined) return
  const lines = linesOf(end.text)
  if (line > lines) return endEach(tool, later, line - lines)
  // With no way to it any more it is still to be deleted; with rules in it that is somebody else's.
  const isCutOff = failingAt(end.text, line)?.command.startsWith('-D ') === true
  if (isCutOff) await endSingly(tool, end.chain, '')
  else known.add(nameOf(tool, end.chain))
  if (later.length === 0) return
  const rest = later.map(({ text }) => text).join('')
  const result = await runRestore(tool, rest)
  if (result.exitCode === 0) return
  if (isLockBusy(result.stderr)) throw complaint(`${tool}-restore`, rest, result)
  await endEach(tool, later, failedLine(result.stderr) ?? 1)
}

/** Where rules are left in it, or nothing is left of it, nothing happens. */
async function endSingly(tool: IptablesTool, { table, chain }: SharedChain, ending: string): Promise<void> {
  // The second, for one that somebody has cut off already.
  for (const text of [ending, `*${table}\n-X ${chain}\nCOMMIT\n`].filter((one) => one !== '')) {
    const result = await runRestore(tool, text)
    if (result.exitCode === 0) return
    if (isLockBusy(result.stderr) || isRefused(result.stderr))
      throw complaint(`${tool}-restore`, text, result)
  }
}

function isThere(tool: IptablesTool, chain: SharedChain): boolean {
  return isNft(tool) ? usesOf(tool, chain) !== undefined : known.has(nameOf(tool, chain))
}

function nameOf(tool: IptablesTool, { table, chain }: SharedChain): string {
  return `${tool} ${table} ${chain}`
}

function usesOf(tool: IptablesTool, { table, chain }: SharedChain): number | undefined {
  return chainUses({ family: tool.startsWith('ip6') ? 'ip6' : 'ip', name: table }, chain)
}

function failingOf(text: string, { stderr }: RunResult): RestoreCommand | undefined {
  return failingAt(text, failedLine(stderr))
}

function failingAt(text: string, line: number | undefined): RestoreCommand | undefined {
  return commandsOf(text).find((command) => command.line === line)
}

function linesOf(text: string): number {
  return text.split('\n').length - 1
}
