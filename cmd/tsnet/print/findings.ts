/**
 * What `check` found and what `gc` took away.
 *
 * @module
 */

import type { Finding, GcReport } from '../../../lib/index.ts'
import { asLines } from './lines.ts'
import type { Palette } from './paint.ts'

/** Findings of one subject that are mended alike stand together: a link that is gone takes all that was on it along. */
export function renderFindings(findings: readonly Finding[], palette: Palette): string {
  if (findings.length === 0) return `${palette.green('ok')}: everything is as it was set up\n`
  const groups = new Map<string, Finding[]>()
  for (const finding of findings) {
    const key = `${finding.subject}\n${finding.hint}`
    groups.set(key, [...(groups.get(key) ?? []), finding])
  }
  return [...groups.values()]
    .map((group) => {
      const lines = asLines(group.map(({ what }) => `  ${what}`))
      return `${palette.bold(group[0]?.subject ?? '')}\n${lines}  ${palette.dim('hint:')} ${group[0]?.hint}\n`
    })
    .join('')
}

export function gcLines(report: GcReport): string[] {
  const subjects: readonly (readonly [string, readonly string[]])[] = [
    ['took down', report.containers],
    ['took back half-done work of', report.pending],
    ['freed address', report.leases],
    ['freed port', report.ports],
    ['removed network', report.networks],
    ['removed what was left of', report.orphans ?? []],
  ]
  const lines = subjects.flatMap(([what, names]) => names.map((name) => `${what} ${name}`))
  if (report.rules > 0) lines.push('put back packet rules of tsnet that were gone')
  return lines.length === 0 ? ['nothing to clean up'] : lines
}
