/**
 * Every packet rule of a namespace, of whichever tool: nft's tables as nft tells
 * them, and the two variants of iptables as iptables-save tells them.
 *
 * Read only. The legacy program makes a table by listing it, so it is started
 * only where /proc says that there is one. Of iptables-nft the tables are left
 * out of nft's answer: only iptables can put their rules into words.
 *
 * @module
 */

import { closeSync } from 'node:fs'
import type { Family } from '../model/address.ts'
import { openNetns, withNetns } from './netns.ts'
import { fileText } from './processes.ts'
import { findProgram, run } from './run.ts'

export interface NftChain {
  readonly family: string
  readonly table: string
  readonly name: string
  /** Of base chains. */
  readonly type?: string
  readonly hook?: string
  readonly priority?: number
  readonly policy?: string
  readonly rules: readonly NftRule[]
}

export interface NftRule {
  readonly handle: number
  readonly comment?: string
  readonly expressions: readonly Readonly<Record<string, unknown>>[]
}

export interface NftSet {
  readonly family: string
  readonly table: string
  readonly name: string
  /** As in nft's JSON: values, or `[key, value]` of maps, `{ elem: … }` around those with comments. */
  readonly elements: readonly unknown[]
}

export interface SavedTable {
  readonly tool: 'iptables-nft' | 'iptables-legacy'
  readonly family: Family
  /** `filter`, `nat`, … */
  readonly table: string
  readonly policies: Readonly<Record<string, string>>
  readonly rules: readonly SavedRule[]
}

export interface SavedRule {
  readonly chain: string
  /** Without `-A CHAIN`, as iptables writes it. */
  readonly text: string
  readonly packets: number
  readonly bytes: number
}

export interface Ruleset {
  readonly chains: readonly NftChain[]
  readonly sets: readonly NftSet[]
  readonly saved: readonly SavedTable[]
}

const managed = new Set(['filter', 'nat', 'mangle', 'raw', 'security'])
const limitMs = 20_000

/** @param netns path of the namespace; absent: this one */
export async function readRuleset(netns?: string): Promise<Ruleset> {
  const [nft, ...saves] = await Promise.all([
    readNft(netns),
    ...(['iptables-nft', 'iptables-legacy'] as const).flatMap((tool) =>
      ([4, 6] as const).map((family) => readSaved(tool, family, netns)),
    ),
  ])
  return { ...nft, saved: saves.flat() }
}

const into = (netns: string | undefined): readonly string[] =>
  netns === undefined ? [] : ['nsenter', `--net=${netns}`, '--']

async function readNft(netns: string | undefined): Promise<Pick<Ruleset, 'chains' | 'sets'>> {
  if (findProgram('nft') === undefined) return { chains: [], sets: [] }
  const argv = [...into(netns), 'nft', '-j', 'list', 'ruleset'] as unknown as [string, ...string[]]
  const { exitCode, stdout } = await run(argv, { timeoutMs: limitMs })
  if (exitCode !== 0 || stdout.trim() === '') return { chains: [], sets: [] }
  const objects = (JSON.parse(stdout) as { readonly nftables: readonly Record<string, unknown>[] }).nftables
  return { chains: chainsIn(objects), sets: setsIn(objects) }
}

type Fields = Readonly<Record<string, unknown>>

function fieldsOf(objects: readonly Record<string, unknown>[], kind: string): readonly Fields[] {
  return objects.flatMap((object) => (object[kind] === undefined ? [] : [object[kind] as Fields]))
}

function chainsIn(objects: readonly Record<string, unknown>[]): readonly NftChain[] {
  const rules = fieldsOf(objects, 'rule')
  return fieldsOf(objects, 'chain')
    .filter(({ family, table }) => !isIptables(String(family), String(table), objects))
    .map((chain) => ({
      family: String(chain['family']),
      table: String(chain['table']),
      name: String(chain['name']),
      ...(chain['type'] === undefined ? {} : { type: String(chain['type']) }),
      ...(chain['hook'] === undefined ? {} : { hook: String(chain['hook']) }),
      ...(typeof chain['prio'] === 'number' ? { priority: chain['prio'] } : {}),
      ...(chain['policy'] === undefined ? {} : { policy: String(chain['policy']) }),
      rules: rules
        .filter(
          (rule) =>
            rule['family'] === chain['family'] &&
            rule['table'] === chain['table'] &&
            rule['chain'] === chain['name'],
        )
        .map((rule) => ({
          handle: Number(rule['handle']),
          ...(typeof rule['comment'] === 'string' ? { comment: rule['comment'] } : {}),
          expressions: (rule['expr'] as NftRule['expressions'] | undefined) ?? [],
        })),
    }))
}

/** A table by one of iptables' names whose chains are iptables' too. */
function isIptables(family: string, table: string, objects: readonly Record<string, unknown>[]): boolean {
  if ((family !== 'ip' && family !== 'ip6') || !managed.has(table)) return false
  return fieldsOf(objects, 'chain').some(
    (chain) =>
      chain['family'] === family && chain['table'] === table && /^[A-Z]+$/.test(String(chain['name'])),
  )
}

function setsIn(objects: readonly Record<string, unknown>[]): readonly NftSet[] {
  return [...fieldsOf(objects, 'set'), ...fieldsOf(objects, 'map')].map((set) => ({
    family: String(set['family']),
    table: String(set['table']),
    name: String(set['name']),
    elements: (set['elem'] as readonly unknown[] | undefined) ?? [],
  }))
}

async function readSaved(
  tool: SavedTable['tool'],
  family: Family,
  netns: string | undefined,
): Promise<readonly SavedTable[]> {
  const program = `${family === 4 ? tool : tool.replace('ip', 'ip6')}-save`
  if (findProgram(program) === undefined) return []
  if (tool === 'iptables-legacy' && legacyTables(family, netns) === '') return []
  const argv = [...into(netns), program, '-c'] as unknown as [string, ...string[]]
  const { exitCode, stdout } = await run(argv, { timeoutMs: limitMs })
  return exitCode === 0 ? tablesIn(stdout, tool, family) : []
}

function legacyTables(family: Family, netns: string | undefined): string {
  const read = (): string => fileText(`/proc/net/${family === 4 ? 'ip' : 'ip6'}_tables_names`)?.trim() ?? ''
  if (netns === undefined) return read()
  const fd = openNetns(netns)
  try {
    return withNetns(fd, read)
  } finally {
    closeSync(fd)
  }
}

/** What iptables-save prints, with counters. */
function tablesIn(text: string, tool: SavedTable['tool'], family: Family): readonly SavedTable[] {
  const tables: { table: string; policies: Record<string, string>; rules: SavedRule[] }[] = []
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) tables.push({ table: line.slice(1), policies: {}, rules: [] })
    const current = tables.at(-1)
    if (current === undefined) continue
    const [, chain, policy] = /^:(\S+) (\S+)/.exec(line) ?? []
    if (chain !== undefined && policy !== undefined && policy !== '-') current.policies[chain] = policy
    const [, packets, bytes, of, rule] = /^\[(\d+):(\d+)\] -A (\S+) ?(.*)$/.exec(line) ?? []
    if (of === undefined) continue
    current.rules.push({ chain: of, text: rule ?? '', packets: Number(packets), bytes: Number(bytes) })
  }
  return tables.map((one) => ({ tool, family, ...one }))
}
