/**
 * `-o KEY=VALUE` of a network: the settings of its bridge.
 *
 * @module
 */

import { fail } from '../errors/codes.ts'
import { fieldPath } from './decode.ts'
import { ifnameFault, isContainerName } from './names.ts'
import { nearest } from './nearest.ts'
import {
  type BridgeOptions,
  type CreateNetworkRequest,
  type DriverName,
  type GatewayMode,
  HIGHEST_CONNTRACK_LIMIT,
} from './network.ts'
import { readAddress, readHostname, readMtu, readPort } from './specs/scalar.ts'

const keys = [
  'mtu',
  'bridge',
  'masquerade',
  'icc',
  'hairpin',
  'isolate',
  'gateway-mode-ipv4',
  'gateway-mode-ipv6',
  'protect',
  'conntrack-limit',
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
  const entries = Object.entries(record).flatMap(([name, value]) => {
    const key = keys.find((known) => known === name)
    // `-o mtu` as on the command line, `--isolate` of a flag that is one option, `options.mtu` as in JSON.
    const path =
      field === `--${name}` ? field : field.startsWith('-') ? `${field} ${name}` : fieldPath(field, name)
    if (key === undefined) {
      const hint = nearest(name, keys) ?? `known are ${keys.join(', ')}`
      throw fail('TSNET_BAD_VALUE', {
        field,
        value: name,
        message: `reading ${field}: unknown option "${name}"`,
        hint,
      })
    }
    if (key === 'protect') return readProtection(String(value), path) ? [['protect', 'strict'] as const] : []
    return [readOption(key, value, path)]
  })
  const options = Object.fromEntries(entries) as Partial<BridgeOptions>
  if (options.conntrackLimit === undefined || options.protect !== undefined) return options
  throw fail('TSNET_BAD_VALUE', {
    field,
    value: options.conntrackLimit,
    message: `reading ${field}: conntrack-limit is of protected networks`,
    hint: 'add protect=strict, or leave it out',
  })
}

const gatewayModes: readonly GatewayMode[] = ['nat', 'nat-unprotected', 'routed']

function readGatewayMode(text: string, field: string): GatewayMode {
  const mode = gatewayModes.find((known) => known === text)
  if (mode !== undefined) return mode
  const message = `reading ${field}: "${text}" is no mode of a gateway`
  const hint = nearest(text, gatewayModes) ?? `use ${gatewayModes.join(', ')}`
  throw fail('TSNET_BAD_VALUE', { field, value: text, message, hint })
}

function readOption(
  key: Exclude<(typeof keys)[number], 'protect'>,
  value: OptionValue,
  path: string,
): readonly [string, unknown] {
  const text = String(value)
  switch (key) {
    case 'mtu':
      return ['mtuBytes', readMtu(typeof value === 'number' ? value : text, path)]
    case 'dns-port':
      return ['dnsPort', readPort(typeof value === 'number' ? value : text, path)]
    case 'conntrack-limit':
      return ['conntrackLimit', readCount(text, path)]
    case 'gateway-mode-ipv4':
      return ['gatewayMode4', readGatewayMode(text, path)]
    case 'gateway-mode-ipv6':
      return ['gatewayMode6', readGatewayMode(text, path)]
    case 'domain':
      return [key, readHostname(text, path)]
    case 'forwarders':
      return [key, text.split(',').map((one) => readAddress(one.trim(), path))]
    case 'bridge':
      return [key, readBridgeName(text, path)]
    default:
      return [key, readBoolean(value, path)]
  }
}

/** As many as fit into a number of the kernel's. @throws TSNET_BAD_VALUE (invalid) */
function readCount(text: string, field: string): number {
  const count = /^[1-9]\d{0,9}$/.test(text) ? Number(text) : 0
  if (count >= 1 && count <= HIGHEST_CONNTRACK_LIMIT) return count
  const message = `reading ${field}: "${text}" is no number of connections`
  throw fail('TSNET_BAD_VALUE', {
    field,
    value: text,
    message,
    hint: `use a number from 1 to ${HIGHEST_CONNTRACK_LIMIT}`,
  })
}

/** Whether more is stopped than on any bridge. @throws TSNET_BAD_VALUE (invalid) */
function readProtection(text: string, field: string): boolean {
  if (text === 'strict' || text === 'none') return text === 'strict'
  const message = `reading ${field}: "${text}" is no protection`
  throw fail('TSNET_BAD_VALUE', { field, value: text, message, hint: 'write strict or none' })
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
