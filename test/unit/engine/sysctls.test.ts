/**
 * What is said of a sysctl the kernel refuses.
 *
 * @module
 */
import { expect, it } from 'vitest'
import { refuseSysctlValues } from '../../../lib/engine/attach/sysctls.ts'
import type { TsnetError } from '../../../lib/errors/error.ts'
import type { RefusedSysctl } from '../../../lib/kernel/kernel.ts'

function told(sysctls: Record<string, string>, refused: Partial<RefusedSysctl>): unknown {
  try {
    refuseSysctlValues(sysctls, {
      refusedSysctl: (wanted) => {
        const [key = '', value = ''] = Object.entries(wanted)[0] ?? []
        return { key, value, cause: 'EINVAL (invalid argument)', isHosts: false, ...refused }
      },
    })
    return undefined
  } catch (error) {
    const { code, message, hint } = error as TsnetError
    return { code, message, hint }
  }
}

it('a key that belongs to the whole host is told apart from a wrong value', () => {
  const cause = 'EACCES (permission denied)'
  expect(told({ 'net.core.rmem_max': '1' }, { cause, isHosts: true })).toMatchInlineSnapshot(`
    {
      "code": "TSNET_BAD_VALUE",
      "hint": "it is one setting for the whole host: set it there with "sysctl -w", and leave it out here",
      "message": "setting sysctl net.core.rmem_max in the sandbox: a container may only read it: EACCES (permission denied)",
    }
  `)
})

it('the key is spelled as it was given, also where an interface has a dot in its name', () => {
  expect(told({ 'net.ipv4.conf.eth0/7.rp_filter': 'x' }, {})).toMatchInlineSnapshot(`
    {
      "code": "TSNET_BAD_VALUE",
      "hint": ""sysctl net.ipv4.conf.eth0/7.rp_filter" shows a value it takes",
      "message": "setting sysctl net.ipv4.conf.eth0/7.rp_filter to "x" in the sandbox: the kernel does not take that value: EINVAL (invalid argument)",
    }
  `)
})

it('nobody is asked where nothing is set', () => {
  expect(told({}, {})).toBe(undefined)
})
