/**
 * What every sandbox gets once per setup, whatever its networks: `lo` up, and
 * the sysctls the user asked for.
 *
 * @module
 */

import { readSysctlKey, sysctlPath } from '../model/sysctl.ts'
import type { LinkFact } from '../plan/facts.ts'
import type { Step } from '../plan/step.ts'
import { sysctl } from '../plan/sysctl.ts'

export interface SandboxInput {
  readonly links: readonly LinkFact[]
  /** As in sysctl(8), `net.core.somaxconn` or `net/core/somaxconn`, to values. */
  readonly sysctls: Readonly<Record<string, string>>
}

/**
 * Settings of single interfaces (`net.ipv4.conf.eth0.…`) need these steps to
 * come after the ones that make the interfaces.
 *
 * @throws TSNET_BAD_VALUE (invalid) for a sysctl that does not belong to the sandbox
 */
export function planSandbox({ links, sysctls }: SandboxInput): readonly Step[] {
  const up = links.some(({ name, up }) => name === 'lo' && up)
  const lo: Step = { kind: 'linkUp', where: 'sandbox', dev: 'lo', before: up ? 'up' : 'down' }
  return [
    lo,
    ...Object.entries(sysctls).map(([key, value]) =>
      sysctl('sandbox', sysctlPath(readSysctlKey(key, 'sysctls')), value),
    ),
  ]
}
