/**
 * All packet rules of a namespace with their counters, in the words of their tools: what `rules`, `doctor`, `trace` and
 * `events` read.
 *
 * Read only: programs are started where a table of theirs is there already, since
 * the legacy ones would make it by listing it. What iptables-nft made is asked of
 * iptables-nft, because nft cannot read its matches.
 *
 * @module
 */

import { closeSync } from 'node:fs'
import { fail } from '../../errors/codes.ts'
import type { Family } from '../../model/address.ts'
import { openNetns, withNetns } from '../namespace/netns.ts'
import { fileText } from '../system/processes.ts'
import { findProgram, run } from '../system/run.ts'
import { nftWay } from './libnftables.ts'
import { type NftObject, queryNftObjects } from './nft.ts'

export type { NftFields, NftObject } from './nft.ts'

/** What one iptables program has, as its save program prints it with `-c`. */
export interface SavedRules {
  readonly tool: 'iptables-nft' | 'iptables-legacy'
  readonly family: Family
  readonly text: string
}

export interface RuleList {
  readonly saved: readonly SavedRules[]
  /** Everything of the native tables, without those of iptables-nft. */
  readonly nft: readonly NftObject[]
}

const tools = ['iptables-nft', 'iptables-legacy'] as const
const compatTables = ['filter', 'nat', 'mangle', 'raw', 'security']

/**
 * @param netns path of the namespace; absent: this one
 * @throws TSNET_NOT_PERMITTED (forbidden), TSNET_PROGRAM_FAILED (internal)
 */
export async function readRules(netns?: string): Promise<RuleList> {
  const objects = netns === undefined ? ownObjects() : await objectsIn(netns)
  const asked = ([4, 6] as const).flatMap((family) => {
    const there: Readonly<Record<SavedRules['tool'], boolean>> = {
      'iptables-nft': objects.some(({ table }) => table !== undefined && isCompat(table, family)),
      'iptables-legacy': legacyTables(family, netns).length > 0,
    }
    return tools
      .filter((tool) => there[tool] && findProgram(`${tool}-save`) !== undefined)
      .map((tool) => save(tool, family, netns))
  })
  const saved = await Promise.all(asked)
  const read = new Set(
    saved
      .filter(({ tool }) => tool === 'iptables-nft')
      .flatMap(({ family, text }) =>
        [...text.matchAll(/^\*(\w+)$/gm)].map(([, name]) => `${family} ${name}`),
      ),
  )
  return { saved, nft: objects.filter((object) => !isRead(object, read)) }
}

const ownObjects = (): readonly NftObject[] => (nftWay() === undefined ? [] : queryNftObjects('list ruleset'))

/** Who has no nft has no rules of its own in there either. */
async function objectsIn(netns: string): Promise<readonly NftObject[]> {
  if (findProgram('nft') === undefined) return []
  const { exitCode, stdout, stderr } = await run(inside(netns, ['nft', '-j', 'list', 'ruleset']))
  if (exitCode !== 0)
    throw fail('TSNET_PROGRAM_FAILED', { message: `nft -j list ruleset in ${netns}: ${stderr.trim()}` })
  return stdout.trim() === ''
    ? []
    : (JSON.parse(stdout) as { readonly nftables: readonly NftObject[] }).nftables
}

const inside = (
  netns: string | undefined,
  argv: readonly [string, ...string[]],
): readonly [string, ...string[]] =>
  netns === undefined ? argv : ['nsenter', `--net=${netns}`, '--', ...argv]

/** Every chain and rule of iptables-legacy, one a line, without counters; empty where it has no tables. */
export async function legacyRules(): Promise<readonly string[]> {
  const lines: string[] = []
  for (const family of [4, 6] as const) {
    if (legacyTables(family).length === 0) continue
    const { text } = await save('iptables-legacy', family)
    const rules = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    lines.push(...rules.map((line) => `${family} ${line.replace(/\[\d+:\d+\] ?/, '')}`))
  }
  return lines
}

/** Of a table that iptables-nft has told of; one that it cannot read is told by nft after all. */
function isRead(object: NftObject, read: ReadonlySet<string>): boolean {
  return Object.values(object).some((fields) => {
    const family = fields?.['family'] === 'ip' ? 4 : fields?.['family'] === 'ip6' ? 6 : undefined
    return family !== undefined && read.has(`${family} ${fields?.['table'] ?? fields?.['name']}`)
  })
}

function isCompat(table: Readonly<Record<string, unknown>>, family: Family): boolean {
  return table['family'] === (family === 4 ? 'ip' : 'ip6') && compatTables.includes(String(table['name']))
}

async function save(tool: SavedRules['tool'], family: Family, netns?: string): Promise<SavedRules> {
  const name = family === 4 ? tool : tool.replace('iptables', 'ip6tables')
  const { exitCode, stdout, stderr } = await run(inside(netns, [`${name}-save`, '-c']))
  if (exitCode !== 0) throw fail('TSNET_PROGRAM_FAILED', { message: `${name}-save: ${stderr.trim()}` })
  return { tool, family, text: stdout }
}

function legacyTables(family: Family, netns?: string): readonly string[] {
  const read = (): readonly string[] =>
    (fileText(`/proc/net/${family === 4 ? 'ip' : 'ip6'}_tables_names`) ?? '')
      .split('\n')
      .filter((name) => name !== '')
  if (netns === undefined) return read()
  const fd = openNetns(netns)
  try {
    return withNetns(fd, read)
  } finally {
    closeSync(fd)
  }
}
