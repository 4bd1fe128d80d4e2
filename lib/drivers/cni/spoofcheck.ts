/**
 * `macspoofchk` of the bridge plugin: frames that enter by a port with another
 * source MAC than the container's are dropped.
 *
 * Same table and chain names as the reference plugin's.
 *
 * @module
 */

import type { RulesStep } from '../../plan/step.ts'
import type { PartFacts, PartId } from './part.ts'

export const spoofTable = 'bridge nat'

const chains = ({ container, ifname }: PartId): readonly [string, string] => {
  const base = `cni-br-iface-${container}-${ifname}`
  return [base, `${base}-mac`]
}

const tag = ({ container, ifname }: PartId): string => `macspoofchk-${container}-${ifname}`.slice(0, 127)

export function planSpoofCheck(id: PartId, port: string, mac: string): RulesStep {
  const [first, second] = chains(id)
  const comment = `comment "${tag(id)}"`
  return {
    kind: 'rules',
    where: 'host',
    tool: 'nft',
    add: [
      `add table ${spoofTable}`,
      `add chain ${spoofTable} PREROUTING { type filter hook prerouting priority -300; policy accept; }`,
      `add chain ${spoofTable} ${first}`,
      `add chain ${spoofTable} ${second}`,
      `add rule ${spoofTable} PREROUTING iifname "${port}" jump ${first} ${comment}`,
      `add rule ${spoofTable} ${first} jump ${second} ${comment}`,
      `add rule ${spoofTable} ${second} ether saddr ${mac} return ${comment}`,
      `add rule ${spoofTable} ${second} drop ${comment}`,
      '',
    ].join('\n'),
    remove: '',
  }
}

export function leftSpoofCheck(id: PartId, facts: PartFacts): readonly RulesStep[] {
  const listing = facts.nft.get(spoofTable)
  if (listing === undefined) return []
  const [first, second] = chains(id)
  if (!listing.includes(`chain ${first} {`)) return []
  const jumps = listing.split('\n').flatMap((line) => {
    const handle = /# handle (\d+)$/.exec(line.trim())?.[1]
    return handle !== undefined && line.includes(`jump ${first} `)
      ? [`delete rule ${spoofTable} PREROUTING handle ${handle}`]
      : []
  })
  const remove = [
    ...jumps,
    `flush chain ${spoofTable} ${first}`,
    `flush chain ${spoofTable} ${second}`,
    `delete chain ${spoofTable} ${first}`,
    `delete chain ${spoofTable} ${second}`,
    '',
  ].join('\n')
  return [{ kind: 'rules', where: 'host', tool: 'nft', add: '', remove }]
}
