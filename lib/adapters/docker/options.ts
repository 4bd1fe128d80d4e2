/**
 * `docker network create -o KEY=VALUE`: the names of Docker's own bridge driver,
 * and those of `tsnet network create -o`.
 *
 * @see https://docs.docker.com/engine/network/drivers/bridge/#options
 * @module
 */

import { fail } from '../../errors/codes.ts'
import type { Address } from '../../model/address.ts'
import { decodeBridgeOptions, type OptionValue } from '../../model/bridgeoptions.ts'
import { boolean, record, string } from '../../model/decode.ts'
import { ifnameFault } from '../../model/names.ts'
import { nearest } from '../../model/nearest.ts'
import type { BridgeOptions } from '../../model/network.ts'
import { readHostAddress } from '../../model/specs/publish.ts'
import { readNetworkName } from '../../model/specs/scalar.ts'

/** What a network is made with. */
export interface NetworkWish {
  readonly bridge: Partial<BridgeOptions>
  readonly internal: boolean
  readonly ipv6: boolean
  /** A network of tsnet's that is there already (`-o network=NAME`). */
  readonly existing?: string
  /** Where `-p` without an address publishes. */
  readonly hostBinding?: Address
  /** Of the interfaces in containers: `eth`. */
  readonly prefix: string
}

const generic = 'com.docker.network.generic'
const head = 'com.docker.network.'

/** Docker's name for what is one of our own options. */
const renamed: Readonly<Record<string, string>> = {
  [`${head}bridge.name`]: 'bridge',
  [`${head}bridge.enable_ip_masquerade`]: 'masquerade',
  [`${head}bridge.enable_icc`]: 'icc',
  [`${head}driver.mtu`]: 'mtu',
}

/** Options of Docker's bridge driver that say something tsnet has no counterpart for, and why. */
const refused: Readonly<Record<string, string>> = {
  [`${head}host_ipv4`]: 'the source address of outgoing packets is the host’s choice',
  [`${head}host_ipv6`]: 'the source address of outgoing packets is the host’s choice',
  [`${head}bridge.trusted_host_interfaces`]:
    'which ports are open does not depend on where a packet comes from',
  [`${head}advertise_addr_nmsgs`]: 'the kernel announces addresses by itself',
  [`${head}advertise_addr_ms`]: 'the kernel announces addresses by itself',
}

const special = {
  hostBinding: `${head}bridge.host_binding_ipv4`,
  mode4: `${head}bridge.gateway_mode_ipv4`,
  mode6: `${head}bridge.gateway_mode_ipv6`,
  inhibit: `${head}bridge.inhibit_ipv4`,
  prefix: `${head}container_iface_prefix`,
  ipv4: `${head}enable_ipv4`,
  ipv6: `${head}enable_ipv6`,
  internal: `${head}internal`,
  defaultBridge: `${head}bridge.default_bridge`,
} as const

/** @throws TSNET_BAD_VALUE, TSNET_BAD_JSON (invalid), TSNET_NOT_SUPPORTED (unsupported) */
export function readNetworkOptions(options: Readonly<Record<string, unknown>> | undefined = {}): NetworkWish {
  refuseStrangers(options)
  const flag = (key: string): boolean =>
    options[key] === undefined ? false : boolean(options[key], `Options["${key}"]`)
  const user = userOptions(options[generic])
  const internal = flag(special.internal)
  const bridge: Record<string, OptionValue> = {}
  let rest: Omit<NetworkWish, 'bridge' | 'internal' | 'ipv6'> = { prefix: 'eth' }
  let ipv6 = flag(special.ipv6)
  let addressed: boolean | undefined
  for (const [key, value] of Object.entries(user)) {
    const field = `-o ${key}`
    const own = renamed[key]
    if (own !== undefined) bridge[own] = value
    else if (key === special.hostBinding)
      rest = { ...rest, hostBinding: readHostAddress(String(value), field) }
    else if (key === special.mode4 || key === special.mode6) {
      const mode = readMode(String(value), { field, internal })
      if (mode === 'isolated') addressed = false
      else bridge[key === special.mode4 ? 'gateway-mode-ipv4' : 'gateway-mode-ipv6'] = mode
    } else if (key === special.inhibit) addressed = !isTrue(value, field)
    else if (key === special.prefix) rest = { ...rest, prefix: readPrefix(String(value), field) }
    else if (key === special.ipv6) ipv6 = isTrue(value, field)
    else if (key === special.ipv4 || key === special.defaultBridge) {
      if (isTrue(value, field) !== (key === special.ipv4)) {
        throw unsupported(field, value, 'networks of tsnet have IPv4, and none is the default bridge')
      }
    } else if (key === 'network') rest = { ...rest, existing: readNetworkName(String(value), field) }
    else if (refused[key] !== undefined) throw unsupported(field, value, refused[key])
    else if (key.startsWith('com.docker.')) throw unknownOption(key)
    else bridge[key] = value
  }
  const made = decodeBridgeOptions(bridge, '-o')
  return {
    bridge: addressed === undefined ? made : { ...made, addressed },
    internal,
    ipv6,
    ...rest,
  }
}

/** Whether Docker should not set an address aside for a gateway that nobody has. */
export function needsNoGateway(options: Readonly<Record<string, unknown>> | undefined): boolean {
  const { bridge, existing } = readNetworkOptions(options)
  return existing === undefined && bridge.addressed === false
}

/** Keys beside the user's own: Docker's. */
function refuseStrangers(options: Readonly<Record<string, unknown>>): void {
  const stranger = Object.keys(options).find((key) => !key.startsWith('com.docker.'))
  if (stranger === undefined) return
  throw fail('TSNET_BAD_JSON', {
    message: `reading Options: there is no such field as "${stranger}"`,
    field: 'Options',
    value: stranger,
    hint: `options of a network belong below ${generic}`,
  })
}

function userOptions(value: unknown): Readonly<Record<string, OptionValue>> {
  if (value === undefined || value === null) return {}
  return record(
    (one, path): OptionValue =>
      typeof one === 'boolean' || typeof one === 'number' ? one : string(one, path),
  )(value, `Options["${generic}"]`)
}

const modes: readonly string[] = ['nat', 'nat-unprotected', 'routed', 'isolated']

function readMode(
  mode: string,
  { field, internal }: { readonly field: string; readonly internal: boolean },
): string {
  if (mode === '') return 'nat'
  if (mode === 'isolated') {
    if (internal) return mode
    throw fail('TSNET_BAD_VALUE', {
      message: `reading ${field}: isolated needs a network that is --internal`,
      field,
      value: mode,
      hint: 'add --internal',
    })
  }
  if (mode !== 'isolated' && modes.includes(mode)) return mode
  throw fail('TSNET_BAD_VALUE', {
    message: `reading ${field}: "${mode}" is no mode of a gateway`,
    field,
    value: mode,
    hint: nearest(mode, modes) ?? `use ${modes.join(', ')}`,
  })
}

function readPrefix(prefix: string, field: string): string {
  const fault = ifnameFault(`${prefix}0`)
  if (fault === undefined) return prefix
  throw fail('TSNET_BAD_VALUE', {
    message: `reading ${field}: interface name "${prefix}0" ${fault}`,
    field,
    value: prefix,
    hint: 'leave it out: eth',
  })
}

/** As Go's strconv.ParseBool reads it. */
function isTrue(value: OptionValue, field: string): boolean {
  const word = String(value).toLowerCase()
  if (['1', 't', 'true'].includes(word)) return true
  if (['0', 'f', 'false'].includes(word)) return false
  throw fail('TSNET_BAD_VALUE', {
    message: `reading ${field}: "${value}" is neither true nor false`,
    field,
    value,
    hint: 'write true or false',
  })
}

function unsupported(field: string, value: unknown, why: string): Error {
  return fail('TSNET_NOT_SUPPORTED', {
    message: `reading ${field}: networks of tsnet do not have it: ${why}`,
    field,
    value,
    hint: 'leave the option out, or use Docker’s own driver bridge',
  })
}

function unknownOption(key: string): Error {
  const known = [...Object.keys(renamed), ...Object.values(special)]
  return fail('TSNET_BAD_VALUE', {
    message: `reading -o ${key}: there is no such option`,
    field: `-o ${key}`,
    value: key,
    hint: nearest(key, known) ?? 'README.md of tsnet lists them',
  })
}
