/**
 * What dockerd sends, decoded strictly: one decoder for each call.
 *
 * A field nobody has heard of is refused, with one exception: keys of `Options`
 * that begin with `com.docker.`, which Docker adds from release to release for
 * drivers of all kinds.
 *
 * @see https://github.com/moby/moby/blob/master/daemon/libnetwork/docs/remote.md
 * @module
 */

import { fail } from '../../errors/codes.ts'
import { type Address, addressOf, type Cidr, type Mac, parseCidr, type Subnet } from '../../model/address.ts'
import {
  array,
  boolean,
  type Decoder,
  integer,
  object,
  optional,
  record,
  string,
  text,
} from '../../model/decode.ts'
import { readAddress, readMac, readSubnet } from '../../model/specs/scalar.ts'

/** Ids stand in names of files and links; Docker's have 64 hexadecimal digits, Swarm's 25 letters and digits. */
function readId(value: string, field: string): string {
  if (/^[a-zA-Z0-9]{1,128}$/.test(value)) return value
  throw fail('TSNET_BAD_VALUE', {
    message: `reading ${field}: "${value.slice(0, 80)}" is no id of Docker's`,
    field,
    value,
    hint: 'ids are letters and digits, at most 128',
  })
}

function readCidr(value: string, field: string): Cidr {
  const cidr = parseCidr(value)
  if (cidr !== undefined) return cidr
  throw fail('TSNET_BAD_VALUE', {
    message: `reading ${field}: "${value}" is no address with a prefix length`,
    field,
    value,
    hint: 'write it as 10.90.0.2/24',
  })
}

/** Go writes what is not there as an empty string. */
function unlessEmpty<T>(read: (value: string, field: string) => T): Decoder<T | undefined> {
  return (value, path) => (string(value, path) === '' ? undefined : read(value as string, path))
}

/** A path; the kernel takes no longer one. */
function readPath(value: string, field: string): string {
  if (value.length < 4096) return value
  throw fail('TSNET_BAD_VALUE', {
    message: `reading ${field}: a path of ${value.length} characters is too long`,
    field,
    value: value.slice(0, 80),
    hint: 'paths have at most 4095',
  })
}

const id = text(readId)
/** Gateways and auxiliary addresses come as `10.60.0.1/24`. */
const addressOfCidr: Decoder<Address | undefined> = unlessEmpty((value, field) =>
  value.includes('/') ? addressOf(readCidr(value, field)) : readAddress(value, field),
)
const anything: Decoder<unknown> = (value) => value
const options = optional(record(anything))

const pool = object({
  AddressSpace: optional(string),
  Pool: optional(unlessEmpty(readSubnet)),
  Gateway: optional(addressOfCidr),
  AuxAddresses: optional(record(addressOfCidr)),
})

const interfaceWish = object({
  Address: optional(unlessEmpty(readCidr)),
  AddressIPv6: optional(unlessEmpty(readCidr)),
  MacAddress: optional(unlessEmpty(readMac)),
})

type Options = Readonly<Record<string, unknown>>

/** `IPv4Data` and `IPv6Data`. */
export interface PoolData {
  readonly AddressSpace?: string
  readonly Pool?: Subnet | undefined
  readonly Gateway?: Address | undefined
  readonly AuxAddresses?: Readonly<Record<string, Address | undefined>>
}

export interface CreateNetworkCall {
  readonly NetworkID: string
  readonly Options?: Options
  readonly IPv4Data?: readonly PoolData[]
  readonly IPv6Data?: readonly PoolData[]
}

export interface EndpointCall {
  readonly NetworkID: string
  readonly EndpointID: string
}

export interface CreateEndpointCall extends EndpointCall {
  readonly Interface?: {
    readonly Address?: Cidr | undefined
    readonly AddressIPv6?: Cidr | undefined
    readonly MacAddress?: Mac | undefined
  }
  readonly Options?: Options
}

export interface JoinCall extends EndpointCall {
  readonly SandboxKey?: string
  readonly Options?: Options
}

export interface ExternalCall extends EndpointCall {
  readonly Options?: Options
}

export interface RequestPoolCall {
  readonly AddressSpace: string
  readonly Pool?: Subnet | undefined
  readonly SubPool?: Subnet | undefined
  readonly Options?: Readonly<Record<string, string>>
  readonly V6?: boolean
}

export interface RequestAddressCall {
  readonly PoolID: string
  readonly Address?: Address | undefined
  readonly Options?: Readonly<Record<string, string>>
}

export interface ReleaseAddressCall {
  readonly PoolID: string
  readonly Address: Address
}

export interface Decoders {
  readonly none: Decoder<object>
  readonly createNetwork: Decoder<CreateNetworkCall>
  readonly network: Decoder<Pick<EndpointCall, 'NetworkID'>>
  readonly gatewayCheck: Decoder<{ readonly Options?: Options }>
  readonly createEndpoint: Decoder<CreateEndpointCall>
  readonly endpoint: Decoder<EndpointCall>
  readonly join: Decoder<JoinCall>
  readonly external: Decoder<ExternalCall>
  readonly discovery: Decoder<object>
  readonly requestPool: Decoder<RequestPoolCall>
  readonly pool: Decoder<{ readonly PoolID: string }>
  readonly requestAddress: Decoder<RequestAddressCall>
  readonly releaseAddress: Decoder<ReleaseAddressCall>
}

export const decoders: Decoders = {
  none: object({}),
  createNetwork: object({
    NetworkID: id,
    Options: options,
    IPv4Data: optional(array(pool)),
    IPv6Data: optional(array(pool)),
  }),
  network: object({ NetworkID: id }),
  gatewayCheck: object({ Options: options }),
  createEndpoint: object({
    NetworkID: id,
    EndpointID: id,
    Interface: optional(interfaceWish),
    Options: options,
  }),
  endpoint: object({ NetworkID: id, EndpointID: id }),
  join: object({ NetworkID: id, EndpointID: id, SandboxKey: optional(text(readPath)), Options: options }),
  external: object({ NetworkID: id, EndpointID: id, Options: options }),
  discovery: object({ DiscoveryType: integer({ min: 0, max: 255 }), DiscoveryData: optional(anything) }),
  requestPool: object({
    AddressSpace: string,
    Pool: optional(unlessEmpty(readSubnet)),
    SubPool: optional(unlessEmpty(readSubnet)),
    Options: optional(record(string)),
    V6: optional(boolean),
  }),
  pool: object({ PoolID: text(readPoolId) }),
  requestAddress: object({
    PoolID: text(readPoolId),
    Address: optional(unlessEmpty((value, field) => readAddress(value, field))),
    Options: optional(record(string)),
  }),
  releaseAddress: object({
    PoolID: text(readPoolId),
    Address: text((value, field) => readAddress(value, field)),
  }),
}

/** Ours: `pool-3f2a….4`, `network.NAME.4`. They are names of files. */
function readPoolId(value: string, field: string): string {
  if (/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,160}\.[46]$/.test(value)) return value
  throw fail('TSNET_BAD_VALUE', {
    message: `reading ${field}: "${value.slice(0, 80)}" is no pool of tsnet's`,
    field,
    value,
    hint: 'remove the network and create it again',
  })
}

const portBinding = object({
  Proto: integer({ min: 0, max: 255 }),
  IP: optional(string),
  Port: integer({ min: 1, max: 65_535 }),
  HostIP: optional(string),
  HostPort: optional(integer({ min: 0, max: 65_535 })),
  HostPortEnd: optional(integer({ min: 0, max: 65_535 })),
})

/** One published port. */
export interface PortBindingWish {
  readonly Proto: number
  readonly Port: number
  readonly HostIP?: string
  readonly HostPort?: number
  readonly HostPortEnd?: number
}

/** More is nobody's container: every port of three protocols. */
const mostPorts = 200_000

/** The published ports of `Options`. */
export function decodePortMap(
  from: Readonly<Record<string, unknown>> | undefined,
): readonly PortBindingWish[] {
  const key = 'com.docker.network.portmap'
  const value = from?.[key]
  if (value === undefined || value === null) return []
  const ports = array(portBinding)(value, `Options["${key}"]`)
  if (ports.length <= mostPorts) return ports
  throw fail('TSNET_BAD_VALUE', {
    message: `reading Options["${key}"]: ${ports.length} ports are more than there are`,
    field: 'Options',
    value: ports.length,
    hint: 'publish each port once',
  })
}
