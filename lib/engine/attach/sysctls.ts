/**
 * Sysctls a container asks for, checked before anything is changed: is there
 * such a key, and would the kernel take the value? Those of its interfaces
 * appear with them.
 *
 * @module
 */

import { fail } from '../../errors/codes.ts'
import type { Kernel, OpenSandbox } from '../../kernel/kernel.ts'
import { readSysctlKey, sysctlPath } from '../../model/sysctl.ts'

const keyOf = (text: string): string => readSysctlKey(text, 'sysctls')

/** @throws TSNET_BAD_VALUE (invalid) for a key its sandbox does not have */
export function refuseUnknownSysctls(
  sysctls: Readonly<Record<string, string>>,
  sandbox: OpenSandbox,
  ifnames: readonly string[],
): void {
  const asked = Object.keys(sysctls)
    .map(keyOf)
    .filter((key) => !ifnames.some((name) => sysctlPath(key).split('/').includes(name)))
  if (asked.length === 0) return
  const there = sandbox.sysctls(asked.map(sysctlPath))
  const unknown = asked.find((key) => there.get(sysctlPath(key)) === undefined)
  if (unknown === undefined) return
  throw fail('TSNET_BAD_VALUE', {
    message: `setting sysctl ${unknown} in the sandbox: there is no such sysctl`,
    field: 'sysctls',
    value: unknown,
    hint: '"sysctl -a" lists those of this kernel; a module that is not loaded yet may bring more',
  })
}

/** @throws TSNET_BAD_VALUE (invalid) for a value the kernel does not take, or a key it lets no container set */
export function refuseSysctlValues(
  sysctls: Readonly<Record<string, string>>,
  kernel: Pick<Kernel, 'refusedSysctl'>,
): void {
  const asked = Object.entries(sysctls)
  if (asked.length === 0) return
  const paths = Object.fromEntries(asked.map(([text, value]) => [sysctlPath(keyOf(text)), value]))
  const refused = kernel.refusedSysctl(paths)
  if (refused === undefined) return
  // The same swap leads back.
  const key = sysctlPath(refused.key)
  const { value, cause, isHosts } = refused
  throw fail('TSNET_BAD_VALUE', {
    message: isHosts
      ? `setting sysctl ${key} in the sandbox: a container may only read it: ${cause}`
      : `setting sysctl ${key} to "${value}" in the sandbox: the kernel does not take that value: ${cause}`,
    field: 'sysctls',
    value: `${key}=${value}`,
    hint: isHosts
      ? `it is one setting for the whole host: set it there with "sysctl -w", and leave it out here`
      : `"sysctl ${key}" shows a value it takes`,
  })
}
