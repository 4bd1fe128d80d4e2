/**
 * Flags of bridge ports, which a port that leaves its bridge loses. What they
 * were is in the record alone: isolation depends on what the host's rules saw
 * when the container was set up.
 *
 * @module
 */

import type { Finding } from '../../engine/engine.ts'
import type { ArgumentVector } from '../../model/commandline.ts'
import { type Ailment, mendBy } from './ailment.ts'
import type { Patient } from './patient.ts'

/** What gives a port its flags again; undefined where it has them. */
export function lostFlags({ disagreements }: Patient, port: string): ArgumentVector | undefined {
  return disagreements
    .flatMap(({ step, hint }) => (step === 'bridgePort' ? (flagsCommand(hint) ?? []) : []))
    .find(({ name }) => name === port)?.command
}

/** Undefined for a port that is in no bridge: told as that. */
export function changedFlags(
  { subject, what, hint }: Finding,
  { inventory }: Patient,
): Omit<Ailment, 'subject'> | undefined {
  const flags = flagsCommand(hint)
  const port = inventory.bridges.flatMap(({ ports }) => ports).find(({ name }) => name === flags?.name)
  if (flags === undefined || port === undefined) return undefined
  const open = hint.endsWith(' isolated on') && !port.isolated
  const onOff = (flag: boolean): string => (flag ? 'on' : 'off')
  return {
    code: 'setting-changed',
    severity: 'warning',
    what: open
      ? `${subject} and its neighbours reach each other, though its network keeps containers apart (icc=false)`
      : `a setting of ${subject} was changed`,
    evidence: [`${port.name} has hairpin ${onOff(port.hairpin)} isolated ${onOff(port.isolated)}`, what],
    ...mendBy(flags.command),
    safe: true,
  }
}

function flagsCommand(hint: string): { readonly name: string; readonly command: ArgumentVector } | undefined {
  const [program = '', ...args] = hint.split(' ')
  const [, , , name] = args
  return program === 'bridge' && name !== undefined ? { name, command: [program, ...args] } : undefined
}
