/**
 * Rules of containers as the host has them: each says in its comment whose it is
 * (`tsnet:CONTAINER/IFNAME`), so what nobody has written down, or can read any
 * more, can be told, taken away and put back.
 *
 * They are told as the printers (lib/firewall) write them. Not rules of networks
 * and of all of them: those have units. Looking makes nothing.
 *
 * @module
 */

import type { TaggedRules } from '../kernel.ts'
import { findProgram, run } from '../system/run.ts'
import { nftWay } from './libnftables.ts'
import { queryNft, queryNftObjects } from './nft.ts'
import { elementsOf, type NftElement } from './nft-script.ts'
import { commandsOf, type RestoreCommand } from './restore-text.ts'
import { jumpOf } from './shared-chains.ts'

const table = 'inet tsnet'
/** Of an interface that is protected (lib/firewall/protect.ts). */
export const protectTables: RegExp = /^tsnet-./

/** @param backends that there are rules of ours of */
export async function taggedRules(
  backends: readonly ('iptables' | 'nftables')[],
): Promise<readonly TaggedRules[]> {
  const found: TaggedRules[] = []
  if (nftWay() !== undefined) {
    if (backends.includes('nftables')) found.push(...taggedInListing(queryNft(`list table ${table}`) ?? ''))
    for (const name of netdevTables()) found.push(ofInterface(name, commentIn(name)))
  }
  if (!backends.includes('iptables')) return found
  for (const tool of ['iptables', 'ip6tables'] as const) {
    if (findProgram(`${tool}-save`) === undefined) continue
    const saved = await run([`${tool}-save`])
    if (saved.exitCode === 0) found.push(...taggedInSave(tool, saved.stdout))
  }
  return found
}

function netdevTables(): readonly string[] {
  return queryNftObjects('list tables netdev')
    .map((object) => String(object['table']?.['name'] ?? ''))
    .filter((name) => protectTables.test(name))
}

function commentIn(name: string): string | undefined {
  const comments = queryNftObjects(`list table netdev ${name}`).map((object) => object['rule']?.['comment'])
  return comments.find((comment) => typeof comment === 'string')
}

/** A table of one interface: it goes whole, and how it was made is not told. */
export function ofInterface(name: string, tag: string | undefined): TaggedRules {
  const remove = `add table netdev ${name}\ndelete table netdev ${name}\n`
  return { kind: 'rules', where: 'host', tool: 'nft', add: '', remove, tag }
}

/** @param listing of the table, as nft prints it */
function taggedInListing(listing: string): readonly TaggedRules[] {
  return [...listing.matchAll(/^\t(?:set|map) (\S+) \{\n([\s\S]*?)^\t\}/gm)].flatMap(
    ([, set = '', body = '']) => {
      const braced = /\belements = (\{[\s\S]*\})/.exec(body)?.[1]
      return braced === undefined ? [] : elementsOf(braced).flatMap((element) => ofElement(set, element))
    },
  )
}

export function ofElement(set: string, { key, value, comment }: NftElement): readonly TaggedRules[] {
  if (comment === undefined || !isOfContainer(comment)) return []
  const to = value === undefined ? '' : ` : ${value}`
  const add = `add element ${table} ${set} { ${key} comment "${comment}"${to} }\n`
  const remove = `delete element ${table} ${set} { ${key} }\n`
  return [{ kind: 'rules', where: 'host', tool: 'nft', add, remove, tag: comment }]
}

/** @param saved of iptables-save */
export function taggedInSave(tool: 'iptables' | 'ip6tables', saved: string): readonly TaggedRules[] {
  const rules = commandsOf(saved).filter(({ command }) => command.startsWith('-A '))
  return rules.flatMap((one): readonly TaggedRules[] => {
    const tag = tagOf(one)
    const [, chain = '', rule = ''] = /^-A (\S+) (.*)$/.exec(one.command) ?? []
    if (tag === undefined || !isOfContainer(tag)) return []
    // Chains that hold ports of several containers come and go with the rules in them.
    const way = rules.find((other) => other.table === one.table && leadsToPart(other, chain))
    const make = way === undefined ? [] : [`-N ${chain}`, way.command]
    const end = way === undefined ? [] : [way.command.replace(/^-A/, '-D'), `-X ${chain}`]
    // What lets in stands above the drop at the end of its chain.
    const add = rule.endsWith('-j ACCEPT') ? `-I ${chain} 1 ${rule}` : `-A ${chain} ${rule}`
    const text = (...lines: readonly string[]): string => [`*${one.table}`, ...lines, 'COMMIT', ''].join('\n')
    return [
      {
        kind: 'rules',
        where: 'host',
        tool,
        add: text(...make, add),
        remove: text(`-D ${chain} ${rule}`, ...end),
        tag,
      },
    ]
  })
}

/** `TSNET-DNAT` to `TSNET-DNAT-TCP-7936`: the name of the first begins that of the second. */
function leadsToPart(one: RestoreCommand, chain: string): boolean {
  const [, from = ''] = /^-A (\S+) /.exec(one.command) ?? []
  return jumpOf(one.command) === chain && chain.startsWith(`${from}-`) && tagOf(one) === 'tsnet:base'
}

function tagOf({ command }: RestoreCommand): string | undefined {
  return /\s--comment "?(tsnet:[^"\s]+)/.exec(command)?.[1]
}

/** A container that is called `network` cannot be told from a network, and is left alone. */
function isOfContainer(tag: string): boolean {
  return /^tsnet:[^/]+\/./.test(tag) && !tag.startsWith('tsnet:network/')
}
