/**
 * `-o KEY=VALUE` of a network: the settings of its bridge.
 *
 * @module
 */

import { fail } from '../errors/codes.ts'
import { fieldPath } from './decode.ts'
import { ifnameFault, isContainerName } from './names.ts'
import { nearest } from './nearest.ts'
import type { BridgeOptions, CreateNetworkRequest, DriverName } from './network.ts'
import { readAddress, readHostname, readMtu, readPort } from './specs/scalar.ts'

const keys = [
  'mtu',
  'bridge',
  'masquerade',
  'icc',
  'hairpin',
  'isolate',
  'dns',
  'domain',
  'forwarders',
  'dns-port',
] as const

/** JSON may hold numbers and booleans where a flag holds text. */
export type OptionValue = string | number | boolean

/** @throws TSNET_BAD_VALUE (invalid) for unknown keys and unusable values */
export function decodeBridgeOptions(
  record: Readonly<Record<string, OptionValue>>,
  field: string,
): Partial<BridgeOptions> {
  const entries = Object.entries(record).map(([name, value]) => {
    const key = keys.find((known) => known === name)
    // `-o mtu` as on the command line, `options.mtu` as in JSON.
    const path = field.startsWith('-') ? `${field} ${name}` : fieldPath(field, name)
    if (key === undefined) {
      const hint = nearest(name, keys) ?? `known are ${keys.join(', ')}`
      throw fail('TSNET_BAD_VALUE', {
        field,
        value: name,
        message: `reading ${field}: unknown option "${name}"`,
        hint,
      })
    }
    if (key === 'mtu')
      return ['mtuBytes', readMtu(typeof value === 'number' ? value : String(value), path)] as const
    if (key === 'dns-port')
      return ['dnsPort', readPort(typeof value === 'number' ? value : String(value), path)] as const
    if (key === 'domain') return [key, readHostname(String(value), path)] as const
    if (key === 'forwarders')
      return [
        key,
        String(value)
          .split(',')
          .map((one) => readAddress(one.trim(), path)),
      ] as const
    return [key, key === 'bridge' ? readBridgeName(String(value), path) : readBoolean(value, path)] as const
  })
  return Object.fromEntries(entries) as Partial<BridgeOptions>
}

/** Name of a bridge on the host. @throws TSNET_BAD_VALUE (invalid) */
export function readBridgeName(text: string, field: string): string {
  const fault = text === 'lo' ? 'is the loopback interface' : ifnameFault(text)
  if (fault === undefined) return text
  const message = `reading ${field}: interface name "${text}" ${fault}`
  throw fail('TSNET_BAD_VALUE', { field, value: text, message, hint: 'leave it out to have a name chosen' })
}

/**
 * The name of a driver; whether there is one of that name is known to the engine.
 *
 * @throws TSNET_BAD_VALUE (invalid) for what no driver can be called
 */
export function readDriver(text: string, field: string): DriverName {
  if (isContainerName(text)) return text
  const message = `reading ${field}: "${text}" is no name of a driver`
  throw fail('TSNET_BAD_VALUE', { field, value: text, message, hint: 'use bridge' })
}

/** Options as the driver takes them: of a bridge they are known, of others only `mtu`. @throws TSNET_BAD_VALUE (invalid) */
export function decodeDriverOptions(
  driver: DriverName,
  record: Readonly<Record<string, OptionValue>>,
  field: string,
): Pick<CreateNetworkRequest, 'options' | 'driverOptions'> {
  if (driver === 'bridge' || driver === 'host' || driver === 'none')
    return { options: decodeBridgeOptions(record, field) }
  const { mtu, ...rest } = record
  const texts = Object.entries(rest).map(([key, value]) => [key, String(value)])
  return {
    options: mtu === undefined ? {} : decodeBridgeOptions({ mtu }, field),
    driverOptions: Object.fromEntries(texts) as Readonly<Record<string, string>>,
  }
}

function readBoolean(value: OptionValue, field: string): boolean {
  if (value === true || value === 'true' || value === '1' || value === 1) return true
  if (value === false || value === 'false' || value === '0' || value === 0) return false
  const message = `reading ${field}: "${value}" is neither true nor false`
  throw fail('TSNET_BAD_VALUE', { field, value, message, hint: 'write true or false' })
}
