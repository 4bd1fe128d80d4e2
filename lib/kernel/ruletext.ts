/**
 * All packet rules of the host with their counters, in the words of their tools.
 *
 * Read only: programs are started where a table of theirs is there already, since
 * the legacy ones would make it by listing it. What iptables-nft made is asked of
 * iptables-nft, because nft cannot read its matches.
 *
 * @module
 */

import { readFileSync } from 'node:fs'
import { fail } from '../errors/codes.ts'
import type { Family } from '../model/address.ts'
import { nftWay } from './libnftables.ts'
import { type NftObject, queryNftObjects } from './nft.ts'
import { findProgram, run } from './run.ts'

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

const compatTables = ['filter', 'nat', 'mangle', 'raw', 'security']

/** @throws TSNET_NOT_PERMITTED (forbidden), TSNET_PROGRAM_FAILED (internal) */
export async function readRules(): Promise<RuleList> {
  const objects = nftWay() === undefined ? [] : queryNftObjects('list ruleset')
  const saved: SavedRules[] = []
  for (const family of [4, 6] as const) {
    const there = objects.some(({ table }) => table !== undefined && isCompat(table, family))
    if (there && findProgram('iptables-nft-save') !== undefined)
      saved.push(await save('iptables-nft', family))
    if (legacyTables(family).length > 0) saved.push(await save('iptables-legacy', family))
  }
  const read = new Set(
    saved
      .filter(({ tool }) => tool === 'iptables-nft')
      .flatMap(({ family, text }) =>
        [...text.matchAll(/^\*(\w+)$/gm)].map(([, name]) => `${family} ${name}`),
      ),
  )
  return { saved, nft: objects.filter((object) => !isRead(object, read)) }
}

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

async function save(tool: SavedRules['tool'], family: Family): Promise<SavedRules> {
  const name = family === 4 ? tool : tool.replace('iptables', 'ip6tables')
  const { exitCode, stdout, stderr } = await run([`${name}-save`, '-c'])
  if (exitCode !== 0) throw fail('TSNET_PROGRAM_FAILED', { message: `${name}-save: ${stderr.trim()}` })
  return { tool, family, text: stdout }
}

function legacyTables(family: Family): readonly string[] {
  try {
    return readFileSync(`/proc/net/${family === 4 ? 'ip' : 'ip6'}_tables_names`, 'utf8')
      .split('\n')
      .filter((name) => name !== '')
  } catch {
    // The kernel has no legacy tables, or none was ever used.
    return []
  }
}
