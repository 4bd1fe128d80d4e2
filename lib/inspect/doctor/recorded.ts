/**
 * What `check` found, as ailments. Links, addresses and routes are left out:
 * they are looked at one by one elsewhere, and told with their consequences.
 *
 * @module
 */

import type { Finding, FindingKind } from '../../engine/engine.ts'
import type { ContainerNetwork } from '../../model/attachment.ts'
import { ownerInKey } from '../../model/names.ts'
import type { Inventory, NamespaceView } from '../views.ts'
import { type Ailment, mendBy } from './ailment.ts'
import type { Patient } from './patient.ts'
import { changedFlags } from './portflags.ts'
import { nameOf } from './words.ts'

type Told = Omit<Ailment, 'subject' | 'evidence' | 'fix'> & Partial<Pick<Ailment, 'evidence' | 'fix'>>

/** With whom it is about as people know them. */
interface Named extends Finding {
  /** As `check` says it: the record's, the unit's, the network's, or the name of a container. */
  readonly key: string
}

const tell: Readonly<Record<FindingKind, (finding: Named, patient: Patient) => Told | undefined>> = {
  pending: ({ subject }) => ({
    code: 'half-done',
    severity: 'warning',
    what: `a command was killed at work on ${subject}`,
    ...mendBy(['tsnet', 'gc']),
    safe: true,
  }),
  sandbox: ({ subject, key }, { inventory }) => {
    const record = recordOf(inventory, key)
    const view = inventory.namespaces.find(({ cookie }) => cookie === record?.sandbox.identity.cookie)
    if (view !== undefined) return orphaned(subject, view)
    return {
      code: 'container-gone',
      severity: 'warning',
      what: `container ${subject} has ended and was not taken down: its address and ports are held`,
      ...mendBy(['tsnet', 'gc']),
      safe: true,
    }
  },
  record: ({ subject, key, hint }) => ({
    code: 'record-unreadable',
    severity: 'warning',
    what: `the record of container ${subject} could not be read and was set aside: what it held stays held`,
    evidence: [`${key}.json.unreadable`],
    ...mendBy(['tsnet', ...hint.split(' ').slice(1)]),
    safe: false,
  }),
  definition: ({ what, hint }) => ({
    code: 'definition-unreadable',
    severity: 'error',
    what,
    fix: hint,
    safe: false,
  }),
  names: () => ({
    code: 'names-down',
    severity: 'error',
    what: 'the name server of tsnet does not run: containers find no names',
    ...mendBy(['tsnet', 'gc']),
    safe: true,
  }),
  lease: ({ subject, what }) => ({
    code: 'stale-lease',
    severity: 'warning',
    what: `${subject}: ${what}`,
    safe: false,
  }),
  accept: ({ subject }) => ({
    code: 'foreign-drop',
    severity: 'error',
    what: `packets of network ${subject} are dropped by a chain of somebody else`,
    ...mendBy(['tsnet', 'gc']),
    safe: true,
  }),
  step: (finding, patient) => {
    const { step, subject, what } = finding
    if (step === 'bridgePort') return changedFlags(finding, patient)
    if (step !== 'sysctl' || what.includes('rp_filter')) return undefined
    return {
      code: 'setting-changed',
      severity: 'warning',
      what: `a setting of ${subject} was changed`,
      safe: false,
    }
  },
}

/** The way in that was given is gone, and the namespace is not. */
function orphaned(subject: string, { pids, mounts, path }: NamespaceView): Told {
  return {
    code: 'container-gone',
    severity: 'warning',
    what: `container ${subject} has ended, and something keeps its network: nothing of it is freed`,
    evidence:
      pids.length > 0
        ? pids.map((pid) => `process ${pid} is still in it`)
        : [`it is held by ${mounts[0] ?? path}`],
    ...(pids.length > 0
      ? mendBy(['kill', ...pids.map(String)], ['tsnet', 'gc'])
      : mendBy(['tsnet', 'teardown', subject])),
    safe: false,
  }
}

export function recordedAilments(patient: Patient): readonly Ailment[] {
  const named = patient.disagreements.map(
    (one): Named => ({ ...one, key: one.subject, subject: subjectOf(patient.inventory, one.subject) }),
  )
  const told = named.flatMap((finding) => {
    const { subject, what, hint } = finding
    const ailment = tell[finding.kind](finding, patient)
    return ailment === undefined ? [] : [{ subject, evidence: [what], fix: hint, ...ailment }]
  })
  return [...lostRules(named), ...told]
}

/** One cause, mended by one command, whomever it hits. */
function lostRules(findings: readonly Finding[]): readonly Ailment[] {
  const lost = findings.filter(({ kind, step }) => kind === 'step' && step === 'rules')
  const subjects = [...new Set(lost.map(({ subject }) => subject))].sort()
  const [first] = subjects
  if (first === undefined) return []
  const whose = subjects.length === 1 ? first : `tsnet (${subjects.join(', ')})`
  return [
    {
      code: 'rules-missing',
      severity: 'error',
      subject: subjects.length === 1 ? first : 'host',
      what: `packet rules of ${whose} are gone: somebody has flushed or deleted them`,
      evidence: lost.slice(0, mostEvidence).map(({ subject, what }) => `${subject}: ${inOneLine(what)}`),
      ...mendBy(['tsnet', 'gc']),
      safe: true,
    },
  ]
}

const mostEvidence = 6

/** Of a script to be given to a program, its first line and how many follow. */
function inOneLine(what: string): string {
  const [head = '', first, ...more] = what.split('\n')
  if (first === undefined) return head
  const behind = more.length - 1
  return `missing: ${first}${behind > 0 ? ` (and ${behind} more)` : ''}`
}

/** Findings name records and units; people know containers and networks. */
function subjectOf(inventory: Inventory, key: string): string {
  const record = recordOf(inventory, key)
  if (record !== undefined) return nameOf(record)
  if (key.startsWith('base@')) return 'host'
  return /^(?:network|rules|accept)\.([^@]+)/.exec(key)?.[1] ?? key
}

/** An end that an engine has taken is told by the name of its container, where that has one. */
const recordOf = ({ records }: Inventory, key: string): ContainerNetwork | undefined =>
  records.find(({ container }) => container.id === ownerInKey(key)) ??
  records.find(({ container }) => container.name === key)
