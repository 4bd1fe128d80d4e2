/**
 * Keys that several plugins share.
 *
 * @module
 */

import { existsSync } from 'node:fs'
import { type Address, boundsOf, type Cidr, familyOf, fromNumber } from '../../model/address.ts'
import type { Fields } from './config.ts'
import { cniError } from './errors.ts'
import type { Request } from './plugin.ts'

export interface PortEntry {
  readonly hostPort: number
  readonly containerPort: number
  readonly protocol: 'tcp' | 'udp' | 'sctp'
  readonly hostAddress?: Address
}

/** One of `runtimeConfig.portMappings`. @throws CniError 7 */
export function readPortMapping(fields: Fields): PortEntry {
  const port = (key: string): number => {
    const value = fields.integer(key) ?? 0
    if (value <= 0 || value > 65_535) throw cniError('config', `Invalid ${key} number: ${value}`)
    return value
  }
  const protocol = (fields.string('protocol') ?? 'tcp').toLowerCase()
  if (protocol !== 'tcp' && protocol !== 'udp' && protocol !== 'sctp')
    throw fields.wrong('protocol', 'tcp, udp or sctp')
  const hostAddress = fields.address('hostIP')
  return {
    hostPort: port('hostPort'),
    containerPort: port('containerPort'),
    protocol,
    ...(hostAddress === undefined ? {} : { hostAddress }),
  }
}

type Backend = 'iptables' | 'nftables'

/** Where nobody says: iptables where it is installed. @throws CniError 7 */
export function rulesBackend({ conf }: Request, key: string): Backend {
  const text = conf.fields.string(key) ?? ''
  if (text === 'iptables' || text === 'nftables') return text
  if (text === '') return defaultBackend()
  throw cniError('config', `unrecognized ${key} ${JSON.stringify(text)}: iptables or nftables`)
}

/** `ipMasq` and `ipMasqBackend`; undefined without masquerading. */
export function masqueradeBackend(request: Request): Backend | undefined {
  const backend = rulesBackend(request, 'ipMasqBackend')
  return request.conf.fields.boolean('ipMasq') === true ? backend : undefined
}

let found: Backend | undefined

function defaultBackend(): Backend {
  found ??= hasIptables() ? 'iptables' : 'nftables'
  return found
}

function hasIptables(): boolean {
  return folders.some((folder) => existsSync(`${folder}/iptables`))
}

const folders = ['/usr/sbin', '/sbin', '/usr/local/sbin', '/usr/bin', '/bin', '/usr/local/bin']

/** Of the subnet an address is in: where gateways are by custom. */
export function firstAddress(cidr: Cidr): Address {
  return fromNumber(familyOf(cidr), boundsOf(cidr).first + 1n)
}
