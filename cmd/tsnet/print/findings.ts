/**
 * What `check` found and what `gc` took away.
 *
 * @module
 */

import type { Finding, GcReport } from '../../../lib/index.ts'
import type { Palette } from './paint.ts'

export function renderFindings(findings: readonly Finding[], palette: Palette): string {
  if (findings.length === 0) return `${palette.green('ok')}: everything is as it was set up\n`
  return findings
    .map(
      ({ subject, what, hint }) => `${palette.bold(subject)}: ${what}\n  ${palette.dim(`hint: ${hint}`)}\n`,
    )
    .join('')
}

export function gcLines(report: GcReport): string[] {
  const subjects: readonly (readonly [string, readonly string[]])[] = [
    ['took down', report.containers],
    ['took back half-done work of', report.pending],
    ['freed address', report.leases],
    ['freed port', report.ports],
    ['removed network', report.networks],
  ]
  const lines = subjects.flatMap(([what, names]) => names.map((name) => `${what} ${name}`))
  return lines.length === 0 ? ['nothing to clean up'] : lines
}
