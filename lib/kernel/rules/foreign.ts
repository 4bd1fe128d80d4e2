/**
 * Rules of others that matter to us: forward and input chains that would drop
 * what we accept, and what an admin has put into TSNET-USER.
 *
 * Looking makes nothing: the legacy programs would make a table by listing it,
 * so they are started only where /proc says that the table is there. Our own
 * chains are no foreigners. A drop anywhere below such a chain counts, whatever it
 * matches: an accept too many opens nothing that our own rules do not, an accept
 * too few is a network that does not work. Native nft tables are none of our
 * business, but for firewalld's, which can be told (decision 1).
 *
 * @module
 */

import { fail } from '../../errors/codes.ts'
import type { Family } from '../../model/address.ts'
import type { ForeignDrop } from '../../plan/facts.ts'
import type { TableName } from '../netlink/nftables.ts'
import { run } from '../system/run.ts'
import { legacyTableNames } from './legacytables.ts'
import { nftWay } from './libnftables.ts'
import { type NftObject, queryNftObjects } from './nft.ts'
import { mayHaveChain } from './nft-elements.ts'
import { iptablesVariant } from './restore-run.ts'

const ownPrefix = 'TSNET-'
const userChain = 'TSNET-USER'
/** There with its default backend, while it runs; with the other one its rules are in iptables' FORWARD and INPUT. */
const firewalldChain = [{ family: 'inet', name: 'firewalld' }, 'filter_FORWARD'] as const

interface Rule {
  /** It ends here: DROP or REJECT. */
  readonly drops: boolean
  readonly to: string | undefined
}

interface Chain {
  readonly policyDrops: boolean
  readonly rules: readonly Rule[]
}

/** A filter table: chains by name, read when they are asked for. */
type ReadChain = (name: string) => Chain | undefined

/**
 * Those of the chains that would drop.
 *
 * @throws TSNET_NOT_PERMITTED (forbidden), TSNET_PROGRAM_FAILED (internal)
 */
export async function foreignDrops<Drop extends ForeignDrop>(
  chains: readonly Drop[],
): Promise<readonly Drop[]> {
  const drops: Drop[] = []
  const filters = new Map<string, ReadChain>()
  for (const one of chains) {
    const { tool, family, chain } = one
    if (tool === 'firewalld') {
      if (nftWay() !== undefined && mayHaveChain(...firewalldChain)) drops.push(one)
      continue
    }
    const key = `${tool} ${family}`
    const read = filters.get(key) ?? (await (tool === 'iptables-nft' ? nftFilter : legacyFilter)(family))
    filters.set(key, read)
    if (wouldDrop(read, chain)) drops.push(one)
  }
  return drops
}

/** An admin has put rules into TSNET-USER of that backend; for iptables, of the host's default variant. */
export async function userRules(backend: 'iptables' | 'nftables'): Promise<boolean> {
  if (backend === 'nftables') return rulesIn(nftChain({ family: 'inet', name: 'tsnet' }, userChain)) > 0
  const read = iptablesVariant() === 'legacy' ? legacyFilter : nftFilter
  return rulesIn((await read(4))(userChain)) + rulesIn((await read(6))(userChain)) > 0
}

function wouldDrop(read: ReadChain, name: ForeignDrop['chain']): boolean {
  const first = read(name)
  if (first === undefined) return false
  if (first.policyDrops) return true
  const seen = new Set<string>()
  const reaches = (chain: Chain | undefined): boolean =>
    chain?.rules.some(({ drops, to }) => {
      if (drops) return true
      if (to === undefined || to.startsWith(ownPrefix) || seen.has(to)) return false
      seen.add(to)
      return reaches(read(to))
    }) ?? false
  return reaches(first)
}

function rulesIn(chain: Chain | undefined): number {
  return chain?.rules.length ?? 0
}

async function nftFilter(family: Family): Promise<ReadChain> {
  if (nftWay() !== undefined)
    return (name) => nftChain({ family: family === 4 ? 'ip' : 'ip6', name: 'filter' }, name)
  return iptablesVariant() === 'nft'
    ? savedFilter(family === 4 ? 'iptables-nft' : 'ip6tables-nft')
    : () => undefined
}

async function legacyFilter(family: Family): Promise<ReadChain> {
  if (!legacyTableNames(family).includes('filter')) return () => undefined
  return savedFilter(family === 4 ? 'iptables-legacy' : 'ip6tables-legacy')
}

function nftChain({ family, name: table }: TableName, name: string): Chain | undefined {
  // Nearly always there is none, and libnftables would open a new context after saying so.
  if (!mayHaveChain({ family, name: table }, name)) return undefined
  const objects = queryNftObjects(`list chain ${family} ${table} ${name}`)
  const chain = objects.find((object) => object['chain'] !== undefined)?.['chain']
  if (chain === undefined) return undefined
  const rules = objects.map((object) => object['rule']).filter((rule) => rule !== undefined)
  return {
    policyDrops: chain['policy'] === 'drop',
    rules: rules.map((rule) => nftRule((rule['expr'] ?? []) as readonly NftObject[])),
  }
}

function nftRule(expressions: readonly NftObject[]): Rule {
  // nft writes { "drop": null }; a REJECT made by iptables-nft is a foreign ("xt") target.
  const drops = expressions.some(
    (one) => 'drop' in one || 'reject' in one || /^(DROP|REJECT)$/.test(String(one['xt']?.['name'])),
  )
  const jump = expressions.map((one) => one['jump'] ?? one['goto']).find((verdict) => verdict !== undefined)
  return { drops, to: jump === undefined ? undefined : String(jump['target']) }
}

async function savedFilter(tool: string): Promise<ReadChain> {
  const { exitCode, stdout, stderr } = await run([`${tool}-save`, '-t', 'filter'])
  if (exitCode !== 0) throw fail('TSNET_PROGRAM_FAILED', { message: `${tool}-save: ${stderr.trim()}` })
  return (name) => savedChain(stdout, name)
}

/** One chain in the output of iptables-save. */
export function savedChain(saved: string, name: string): Chain | undefined {
  const lines = saved.split('\n')
  const head = lines.find((line) => line.startsWith(`:${name} `))
  if (head === undefined) return undefined
  const rules = lines.filter((line) => line.startsWith(`-A ${name} `))
  return {
    policyDrops: head.split(' ')[1] === 'DROP',
    rules: rules.map((rule) => {
      // Comments may contain anything, and stand in quotes.
      const target = / -[jg] (\S+)/.exec(rule.replace(/"(?:\\.|[^"\\])*"/g, '""'))?.[1]
      return { drops: target === 'DROP' || target === 'REJECT', to: target }
    }),
  }
}
