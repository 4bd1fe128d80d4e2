/**
 * Keys of sysctls that belong to a network namespace.
 *
 * Written as sysctl(8) takes them: `net.ipv4.conf.eth0.rp_filter`, or with `/`
 * as the separator, where a dot belongs to the name (`net/ipv4/conf/eth0.1/…`).
 *
 * @see https://docs.kernel.org/admin-guide/sysctl/net.html
 * @module
 */

import { fail } from '../errors/codes.ts'

/**
 * The key in dotted spelling; dots that belong to a name become `/`, as in sysctl(8).
 *
 * @throws TSNET_BAD_VALUE (invalid) for keys outside `net.`: they are the whole host's
 */
export function readSysctlKey(text: string, field: string): string {
  const key = /^[^.]*\//.test(text) ? swap(text) : text
  const refuse: (cause: string, hint: string) => never = (cause, hint) => {
    throw fail('TSNET_BAD_VALUE', {
      field,
      value: text,
      message: `reading ${field}: "${text}" ${cause}`,
      hint,
    })
  }
  if (
    !/^[a-zA-Z0-9_-][a-zA-Z0-9_/-]*(\.[a-zA-Z0-9_-][a-zA-Z0-9_/-]*)+$/.test(key) ||
    /\/(\/|\.|$)/.test(key)
  ) {
    refuse('is no sysctl key', 'write it as sysctl -a prints it, such as net.core.somaxconn')
  }
  if (!key.startsWith('net.')) {
    refuse(
      'does not belong to a network namespace',
      'only keys that begin with net. can be set for one container',
    )
  }
  return key
}

/** The file below /proc/sys, as in a sysctl step: `net/core/somaxconn`. */
export function sysctlPath(key: string): string {
  return swap(key)
}

/** @throws TSNET_BAD_VALUE (invalid) */
export function readSysctls(record: Readonly<Record<string, string>>, field: string): Record<string, string> {
  const entries = Object.entries(record).map(([text, value]) => {
    const key = readSysctlKey(text, field)
    if (value !== '' && !/[\n\0]/.test(value)) return [key, value] as const
    const message = `reading ${field}: ${key} has ${value === '' ? 'no value' : 'a value of several lines'}`
    throw fail('TSNET_BAD_VALUE', { field, value, message, hint: 'write KEY=VALUE' })
  })
  return Object.fromEntries(entries)
}

function swap(text: string): string {
  return text.replace(/[./]/g, (mark) => (mark === '.' ? '/' : '.'))
}
