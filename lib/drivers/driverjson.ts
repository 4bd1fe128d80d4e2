/**
 * What a driver that is a program prints: lines for iproute2 with the lines
 * that take them back, and settings. Read strictly, because they are carried
 * out as root and kept for the way back. README.md has the contract.
 *
 * @module
 */

import { fail } from '../errors/codes.ts'
import { array, type Decoder, literal, object, optional, string, text } from '../model/decode.ts'
import { readSysctlKey, sysctlPath } from '../model/sysctl.ts'
import type { Where } from '../plan/step.ts'
import { sysctl } from '../plan/sysctl.ts'
import type { DriverPlan, DriverStep } from './driver.ts'

const line: Decoder<string> = text((given, field) => {
  if (!/[\n\r\0]/.test(given) && given.trim() !== '') return given
  throw fail('TSNET_BAD_VALUE', {
    message: `reading ${field}: it is ${given.trim() === '' ? 'empty' : 'more than one line'}`,
    field,
    value: given,
    hint: 'give one command of iproute2, without its first word',
  })
})

const settingKey = text((given, field) => sysctlPath(readSysctlKey(given, field)))

const lines = object({
  tool: optional(literal('ip', 'bridge', 'tc')),
  add: array(line),
  remove: optional(array(line)),
})
const setting = object({ sysctl: settingKey, value: string })

const stepIn =
  (where: Where): Decoder<DriverStep> =>
  (value, path) => {
    if (typeof value === 'object' && value !== null && 'sysctl' in value) {
      const { sysctl: key, value: wanted } = setting(value, path)
      return sysctl(where, key, wanted)
    }
    const { tool = 'ip', add, remove = [] } = lines(value, path)
    return { kind: 'batch', where, tool, add, remove }
  }

const networkAnswer = object({ host: optional(array(stepIn('host'))) })
const endpointAnswer = object({
  host: array(stepIn('host')),
  sandbox: optional(array(stepIn('sandbox'))),
})

/** The answer to `network`. @throws TSNET_BAD_JSON, TSNET_BAD_VALUE (invalid) */
export function decodeNetworkAnswer(json: unknown, path: string): readonly DriverStep[] {
  return networkAnswer(json, path).host ?? []
}

/** The answer to `endpoint`. @throws TSNET_BAD_JSON, TSNET_BAD_VALUE (invalid) */
export function decodeEndpointAnswer(json: unknown, path: string): DriverPlan {
  return endpointAnswer(json, path)
}
