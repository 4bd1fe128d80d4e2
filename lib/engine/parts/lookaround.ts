/**
 * Reads what a part has to know: links, routes and policy rules from the kernel
 * itself, the rest with the programs a person would ask: `iptables-save`, `nft
 * list table`, `tc`, `firewall-cmd`.
 *
 * @module
 */

import { existsSync } from 'node:fs'
import type { Look, PartFacts, RuleText } from '../../drivers/cni/part.ts'
import { fail } from '../../errors/codes.ts'
import type { OpenSandbox } from '../../kernel/kernel.ts'
import { readSurroundings } from '../../kernel/look/surroundings.ts'
import type { Family } from '../../model/address.ts'
import type { EngineContext } from '../context.ts'

type Json = Readonly<Record<string, unknown>>

/** Runs a program on the host or in a sandbox; `undefined` where it says no. */
export type Ask = (argv: readonly [string, ...string[]], sandbox?: OpenSandbox) => Promise<string | undefined>

const askKernel: Ask = async (argv, sandbox) => {
  const { exec } = await import('../../kernel/system/exec.ts')
  const result = await exec(argv, { sandbox })
  return result.exitCode === 0 ? result.stdout : undefined
}

export async function lookAround(
  context: EngineContext,
  looks: readonly Look[],
  sandbox: OpenSandbox | undefined,
  ask: Ask = askKernel,
): Promise<PartFacts> {
  const has = (what: Look['what']): boolean => looks.some((look) => look.what === what)
  const keys = (what: 'sysctls' | 'sandboxSysctls'): readonly string[] =>
    looks.flatMap((look) => (look.what === what ? look.keys : []))
  const tables = looks.flatMap((look) => (look.what === 'iptables' ? look.tables : []))
  const nftTables = looks.flatMap((look) => (look.what === 'nft' ? [look.table] : []))
  const hasIptables = context.kernel.iptablesVariant() !== undefined
  const [zone] = looks.flatMap((look) => (look.what === 'firewalld' ? [look.zone] : []))
  const dropFamilies = looks.flatMap((look) => (look.what === 'inputDrops' ? look.families : []))
  const inside = has('sandbox') && sandbox !== undefined
  const [host, within, ip4, ip6, nft, qdiscs, firewalld, names, drops] = await Promise.all([
    has('links') ? readSurroundings(undefined) : undefined,
    inside ? readSurroundings(sandbox) : undefined,
    hasIptables && tables.length > 0 ? saved(ask, 'iptables-save', tables) : new Map(),
    hasIptables && tables.length > 0 ? saved(ask, 'ip6tables-save', tables) : new Map(),
    Promise.all(nftTables.map(async (table) => [table, await listing(ask, table)] as const)),
    has('qdiscs') ? queueing(ask) : [],
    zone === undefined ? undefined : zoneSources(ask, zone),
    has('names') ? namesServed(context) : undefined,
    dropFamilies.length === 0 ? [] : inputDrops(context, dropFamilies, ask),
  ])
  return {
    host: host?.devices ?? [],
    hostRoutes: host?.routes ?? [],
    ...(within === undefined ? {} : { sandbox: within.devices }),
    sandboxRoutes: within?.routes ?? [],
    sandboxRules: within?.rules ?? [],
    iptables: { 4: ip4, 6: ip6 },
    hasIptables,
    nft: new Map(nft.flatMap(([table, text]) => (text === undefined ? [] : [[table, text]]))),
    qdiscs,
    ...(firewalld === undefined ? {} : { firewalld }),
    ...(names === undefined ? {} : { names }),
    ...(drops.length === 0 ? {} : { inputDrops: drops }),
    files: new Map(
      looks.flatMap((look) => {
        const text = look.what === 'file' ? context.kernel.hostText(look.path) : undefined
        return look.what === 'file' && text !== undefined ? [[look.path, text]] : []
      }),
    ),
    sysctls: context.kernel.hostSysctls(keys('sysctls')),
    sandboxSysctls: sandbox?.sysctls(keys('sandboxSysctls')) ?? new Map(),
  }
}

async function inputDrops(
  { kernel }: EngineContext,
  families: readonly Family[],
  ask: Ask,
): Promise<NonNullable<PartFacts['inputDrops']>> {
  const tools = ['iptables-nft', 'iptables-legacy'] as const
  const chains = families.flatMap((family) =>
    tools.map((tool) => ({ chain: 'INPUT', tool, family }) as const),
  )
  return Promise.all(
    (await kernel.foreignDrops(chains)).map(async (drop) => {
      const program = drop.family === 4 ? drop.tool : drop.tool.replace('ip', 'ip6')
      const text = (await ask([`${program}-save`, '-t', 'filter'])) ?? ''
      return { ...drop, rules: chainsIn(text).get('INPUT') ?? [] }
    }),
  )
}

async function namesServed({ names }: EngineContext): Promise<PartFacts['names']> {
  const response = await names?.ask({ op: 'status' })
  if (response?.ok !== true || response.status === undefined) return undefined
  return response.status.containers.flatMap(({ names: own, endpoints }) =>
    endpoints.map(({ network, addresses, aliases }) => ({ network, addresses, names: [...own, ...aliases] })),
  )
}

/** Starting `firewall-cmd` takes 140 ms: where no bus is, nobody need ask. */
async function zoneSources(ask: Ask, zone: string): Promise<readonly string[] | undefined> {
  if (!existsSync('/run/dbus/system_bus_socket')) return undefined
  try {
    return (await ask(['firewall-cmd', `--zone=${zone}`, '--list-sources']))?.split(/\s+/).filter(Boolean)
  } catch {
    return undefined
  }
}

/** `nft` is not asked where it is not installed. */
async function listing(ask: Ask, table: string): Promise<string | undefined> {
  const [family = '', name = ''] = table.split(' ')
  try {
    return await ask(['nft', '--handle', 'list', 'table', family, name])
  } catch {
    return undefined
  }
}

async function queueing(ask: Ask): Promise<PartFacts['qdiscs']> {
  const text = await ask(['tc', '-json', 'qdisc', 'show'])
  if (text === undefined)
    throw fail('TSNET_PROGRAM_FAILED', { message: 'reading with tc -json qdisc show: it failed' })
  const found = text.trim() === '' ? [] : (JSON.parse(text) as readonly Json[])
  return found.map((one) => {
    const options = (one['options'] ?? {}) as Json
    return {
      dev: String(one['dev'] ?? ''),
      kind: String(one['kind'] ?? ''),
      ...(typeof options['rate'] === 'number' ? { rateBytes: options['rate'] } : {}),
      ...(typeof options['burst'] === 'number' ? { burstBytes: options['burst'] } : {}),
    }
  })
}

async function saved(
  ask: Ask,
  program: 'iptables-save' | 'ip6tables-save',
  tables: readonly string[],
): Promise<RuleText> {
  const wanted = [...new Set(tables)]
  const texts = await Promise.all(wanted.map((table) => ask([program, '-t', table])))
  return new Map(wanted.map((table, i) => [table, chainsIn(texts[i] ?? '')]))
}

/** Chains of one table as `iptables-save` prints them. */
function chainsIn(text: string): ReadonlyMap<string, readonly string[]> {
  const chains = new Map<string, string[]>()
  for (const line of text.split('\n')) {
    const chain = /^:(\S+)/.exec(line)?.[1]
    if (chain !== undefined) chains.set(chain, [])
    const [, own, rule] = /^-A (\S+) ?(.*)$/.exec(line) ?? []
    if (own !== undefined && rule !== undefined) chains.get(own)?.push(rule.trim())
  }
  return chains
}
