/**
 * Sysctls a container asks for that its sandbox does not have: found before
 * anything is changed. Those of its interfaces appear with them.
 *
 * @module
 */

import { fail } from '../errors/codes.ts'
import type { OpenSandbox } from '../kernel/kernel.ts'
import { readSysctlKey, sysctlPath } from '../model/sysctl.ts'

/** @throws TSNET_BAD_VALUE (invalid) */
export function refuseUnknownSysctls(
  sysctls: Readonly<Record<string, string>>,
  sandbox: OpenSandbox,
  ifnames: readonly string[],
): void {
  const asked = Object.keys(sysctls)
    .map((key) => sysctlPath(readSysctlKey(key, 'sysctls')))
    .filter((path) => !ifnames.some((name) => path.split('/').includes(name)))
  if (asked.length === 0) return
  const there = sandbox.sysctls(asked)
  const unknown = asked.find((path) => there.get(path) === undefined)
  if (unknown === undefined) return
  throw fail('TSNET_BAD_VALUE', {
    message: `setting sysctl ${unknown} in the sandbox: there is no such sysctl`,
    field: 'sysctls',
    value: unknown,
    hint: '"sysctl -a" lists those of this kernel; a module that is not loaded yet may bring more',
  })
}
