/**
 * The JSON form of `network create`, and what can be said about such a request
 * without looking at the host. Its subnets are completed and checked by
 * ipam/subnets.
 *
 * @module
 */

import { fail } from '../errors/codes.ts'
import { familyOf } from './address.ts'
import { decodeDriverOptions, type OptionValue, readBridgeName, readDriver } from './bridgeoptions.ts'
import { array, boolean, type Decoder, either, object, optional, record, string, text } from './decode.ts'
import type { CreateNetworkRequest, SubnetRequest } from './network.ts'
import { MIN_IPV6_MTU_BYTES, readMtu, readNetworkName, readSubnet, readUnicast } from './specs/scalar.ts'

const optionValue: Decoder<OptionValue> = (value, path) =>
  typeof value === 'number' || typeof value === 'boolean' ? value : string(value, path)

const subnet: Decoder<SubnetRequest> = either({
  string: (value, path) => ({ subnet: text(readSubnet)(value, path) }),
  object: object({
    subnet: text(readSubnet),
    gateway: optional(text(readUnicast)),
    range: optional(text(readSubnet)),
    reserved: optional(record(text(readUnicast))),
  }),
})

const network = object({
  name: text(readNetworkName),
  driver: optional(text(readDriver)),
  subnets: optional(array(subnet)),
  ipv6: optional(boolean),
  internal: optional(boolean),
  options: optional(record(optionValue)),
  labels: optional(record(string)),
})

/** @throws TSNET_BAD_JSON, TSNET_BAD_VALUE (invalid) */
export function decodeCreateNetwork(json: unknown): CreateNetworkRequest {
  const { name, driver = 'bridge', subnets = [], ipv6 = false, internal = false, ...rest } = network(json, '')
  const { options = {}, labels = {} } = rest
  return { name, driver, subnets, ipv6, internal, ...decodeDriverOptions(driver, options, 'options'), labels }
}

/**
 * @throws TSNET_BAD_VALUE (invalid) names the field
 * @throws TSNET_NOT_SUPPORTED (unsupported) for drivers that have no networks to make
 */
export function validateCreateNetwork(request: CreateNetworkRequest): void {
  const { name, driver, subnets, ipv6, options } = request
  readNetworkName(name, 'name')
  readDriver(driver, 'driver')
  if (driver === 'host' || driver === 'none') {
    const message = `creating network ${name}: driver ${driver} has nothing to create`
    throw fail('TSNET_NOT_SUPPORTED', {
      field: 'driver',
      value: driver,
      message,
      hint: `use setup --network ${driver}`,
    })
  }
  if (options.bridge !== undefined) readBridgeName(options.bridge, 'options.bridge')
  if (options.mtuBytes === undefined) return
  readMtu(options.mtuBytes, 'options.mtu')
  if (options.mtuBytes >= MIN_IPV6_MTU_BYTES) return
  if (!ipv6 && !subnets.some((one) => familyOf(one.subnet) === 6)) return
  throw fail('TSNET_BAD_VALUE', {
    field: 'options.mtu',
    value: options.mtuBytes,
    message: `reading options.mtu: IPv6 needs an MTU of ${MIN_IPV6_MTU_BYTES} bytes, ${options.mtuBytes} was given`,
    hint: 'raise the MTU, or leave IPv6 out',
  })
}
