/**
 * Lines for `nft -f` about our one table, and elements with their inverse.
 *
 * One statement on each line: nft's errors name lines, and what is only partly
 * there can be taken back line by line. Written for nft 1.0.6 (Debian 12) and
 * all newer ones, so no `destroy`, and no keyword as a name.
 *
 * @see https://wiki.nftables.org/wiki-nftables/index.php/Maps
 * @module
 */

import type { RulesStep } from '../../plan/step.ts'

/** Family and name, as every statement begins. */
export const TABLE = 'inet tsnet'

/** One element of a set or map, with its comment. */
export interface Element {
  readonly set: string
  /** Parts of the key, in nft's spelling. */
  readonly key: readonly string[]
  /** Parts of the value, for a map. */
  readonly value?: readonly string[]
  readonly tag: string
}

export function nftStep(add: readonly string[], remove: readonly string[]): RulesStep {
  return { kind: 'rules', where: 'host', tool: 'nft', add: text(add), remove: text(remove) }
}

/** Adds all the elements, and deletes them by key. */
export function elementsStep(elements: readonly Element[]): RulesStep {
  const add = elements.map(({ set, key, value, tag }) => {
    const to = value === undefined ? '' : ` : ${value.join(' . ')}`
    return `add element ${TABLE} ${set} { ${key.join(' . ')} comment "${tag}"${to} }`
  })
  const remove = [...elements]
    .reverse()
    .map(({ set, key }) => `delete element ${TABLE} ${set} { ${key.join(' . ')} }`)
  return nftStep(add, remove)
}

function text(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('')
}
