/**
 * What every sandbox gets once per setup, whatever its networks: `lo` up, and
 * the sysctls the user asked for.
 *
 * @module
 */

import { fail } from '../errors/codes.ts'
import type { SandboxFacts } from '../plan/facts.ts'
import type { Step } from '../plan/step.ts'

export interface SandboxInput {
  readonly facts: SandboxFacts
  /** As in sysctl(8), `net.core.somaxconn` or `net/core/somaxconn`, to values. */
  readonly sysctls: Readonly<Record<string, string>>
}

/**
 * Settings of single interfaces (`net.ipv4.conf.eth0.…`) need these steps to
 * come after the ones that make the interfaces.
 *
 * @throws TSNET_BAD_VALUE (invalid) for a sysctl that does not belong to the sandbox
 */
export function planSandbox({ facts, sysctls }: SandboxInput): readonly Step[] {
  const up = facts.links.some(({ name, up }) => name === 'lo' && up)
  const lo: Step = { kind: 'linkUp', where: 'sandbox', dev: 'lo', before: up ? 'up' : 'down' }
  return [
    lo,
    ...Object.entries(sysctls).map(
      ([key, value]): Step => ({
        kind: 'sysctl',
        where: 'sandbox',
        key: sysctlPath(key),
        value,
        keep: false,
        optional: false,
      }),
    ),
  ]
}

/**
 * The path below /proc/sys. Whichever of `.` and `/` comes first separates the
 * parts, and the other one stands for a dot (sysctl.d(5)): interface names
 * have dots.
 *
 * Only `net` belongs to a network namespace; anything else would change the host.
 */
function sysctlPath(key: string): string {
  const separator = /[./]/.exec(key)?.[0]
  const path = separator === '.' ? key.replace(/[./]/g, (sign) => (sign === '.' ? '/' : '.')) : key
  const parts = path.split('/')
  if (parts[0] === 'net' && parts.length > 2 && parts.every((part) => /^(?!\.+$)[\w.:@-]+$/.test(part)))
    return path
  throw fail('TSNET_BAD_VALUE', {
    message: `setting ${key} inside the sandbox: not a setting of a network namespace`,
    field: 'sysctls',
    value: key,
    hint: 'keys start with net., as in net.core.somaxconn=1024',
  })
}
