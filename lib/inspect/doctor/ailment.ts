/**
 * What `doctor` can find: its words, in the order of cause and consequence.
 *
 * @module
 */

import { type ArgumentVector, shellLine } from '../../model/commandline.ts'

/** Causes come before what they cause; a code never changes its meaning. */
export const ailmentCodes = [
  'container-gone',
  'half-done',
  'forwarding-off',
  'bridge-gone',
  'bridge-down',
  'bridge-full',
  'link-gone',
  'not-in-bridge',
  'link-down',
  'gateway-missing',
  'mtu-hole',
  'duplicate-address',
  'duplicate-mac',
  'route-overlap',
  'address-missing',
  'route-missing',
  'foreign-drop',
  'port-taken',
  'rules-missing',
  'rp-filter',
  'setting-changed',
  'record-unreadable',
  'definition-unreadable',
  'names-down',
  'names-blocked',
  'dns-loop',
  'dns-upstream-dead',
  'listener-loopback',
  'path-hole',
  'mtu-path',
  'stale-link',
  'stale-lease',
  'mixed-backends',
] as const

/** What a finding of `doctor` can be about. */
export type AilmentCode = (typeof ailmentCodes)[number]

/** Something `doctor` has found: what, how bad, by which evidence, and what mends it. */
export interface Ailment {
  readonly code: AilmentCode
  /** `error`: packets do not arrive; `warning`: some do not, or will not one day. */
  readonly severity: 'error' | 'warning'
  /** Container, network or bridge; `host`. */
  readonly subject: string
  readonly what: string
  /** What was seen. */
  readonly evidence: readonly string[]
  /** What mends it: `commands` as one would type them, or words to a person. */
  readonly fix: string
  /** The same as argument vectors, one after the other; absent where a person has to decide. */
  readonly commands?: readonly (readonly string[])[]
  /** `--fix` runs it: it puts back what tsnet made, or switches on what it needs, and nothing else. */
  readonly safe: boolean
}

/** Commands that mend something, and the line that says so. */
export function mendBy(...commands: readonly ArgumentVector[]): Required<Pick<Ailment, 'fix' | 'commands'>> {
  return { fix: commands.map(shellLine).join('; '), commands }
}

export function byCause(ailments: readonly Ailment[]): readonly Ailment[] {
  const rank = ({ code }: Ailment): number => ailmentCodes.indexOf(code)
  return [...ailments].sort((a, b) => rank(a) - rank(b))
}
