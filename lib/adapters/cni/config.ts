/**
 * The configuration on standard input: what every plugin reads of it.
 *
 * Unknown keys are not looked at; keys of single plugins are read by the
 * plugins, through {@link Fields}.
 *
 * @module
 */

import { type Address, type Cidr, parseAddress, parseCidr } from '../../model/address.ts'
import { cniError } from './errors.ts'
import { type CniDns, type CniResult, decodeDns, decodeResult } from './result.ts'
import { allVersions, type CniVersion } from './versions.ts'

/** A JSON object as it was read. */
export type Json = Readonly<Record<string, unknown>>

/** An attachment that a GC lets live. */
export interface ValidAttachment {
  readonly containerID: string
  readonly ifname: string
}

/** The network configuration of one call, the common keys read. */
export interface NetConf {
  readonly cniVersion: CniVersion
  readonly name: string
  readonly type: string
  readonly fields: Fields
  readonly runtimeConfig: Fields
  /** `args.cni` */
  readonly args: Fields
  readonly ipam: Fields | undefined
  readonly dns: CniDns
  readonly prevResult: CniResult | undefined
  readonly valid: readonly ValidAttachment[]
  /** As it came, for delegates. */
  readonly text: string
}

/** `key` of an object, with errors that name its path. */
export class Fields {
  readonly json: Json
  readonly path: string

  constructor(json: Json, path = '') {
    this.json = json
    this.path = path
  }

  get keys(): readonly string[] {
    return Object.keys(this.json)
  }

  /** It is there, and not null. */
  /**
   * As Go's decoder looks keys up, which every reference plugin has: in any case
   * where the exact one is not there. go-cni, and so containerd, writes
   * `HostPort` and `IngressRate`.
   */
  value(key: string): unknown {
    if (Object.hasOwn(this.json, key)) return this.json[key]
    const low = key.toLowerCase()
    const found = Object.keys(this.json).find((one) => one.toLowerCase() === low)
    return found === undefined ? undefined : this.json[found]
  }

  /** It is there, and not null. */
  has(key: string): boolean {
    return this.value(key) !== undefined && this.value(key) !== null
  }

  /** Undefined where it is missing; so with the others. */
  string(key: string): string | undefined {
    return this.#typed(key, 'string', 'a string')
  }

  /** Engines write bools as `"true"` here and there. */
  boolean(key: string): boolean | undefined {
    const value = this.value(key)
    if (value === 'true' || value === 'false') return value === 'true'
    return this.#typed(key, 'boolean', 'true or false')
  }

  /** A whole number. */
  integer(key: string): number | undefined {
    const value = this.#typed<number>(key, 'number', 'a whole number')
    if (value !== undefined && !Number.isInteger(value)) throw this.wrong(key, 'a whole number')
    return value
  }

  /** An empty list where it is missing. */
  strings(key: string): readonly string[] {
    if (!this.has(key)) return []
    const value = this.value(key)
    if (!Array.isArray(value) || value.some((one) => typeof one !== 'string'))
      throw this.wrong(key, 'a list of strings')
    return value as readonly string[]
  }

  /** A nested object, whose errors name the whole path. */
  object(key: string): Fields | undefined {
    if (!this.has(key)) return undefined
    const value = this.value(key)
    if (typeof value !== 'object' || Array.isArray(value)) throw this.wrong(key, 'an object')
    return new Fields(value as Json, `${this.path}${key}.`)
  }

  /** An empty list where it is missing. */
  objects(key: string): readonly Fields[] {
    if (!this.has(key)) return []
    const value = this.value(key)
    if (!Array.isArray(value)) throw this.wrong(key, 'a list of objects')
    return value.map((one, i) => {
      if (typeof one !== 'object' || one === null || Array.isArray(one))
        throw this.wrong(`${key}[${i}]`, 'an object')
      return new Fields(one as Json, `${this.path}${key}[${i}].`)
    })
  }

  /** An IP address; an empty text counts as missing. */
  address(key: string): Address | undefined {
    const text = this.string(key)
    if (text === undefined || text === '') return undefined
    const address = parseAddress(text)
    if (address === undefined) throw this.wrong(key, 'an IP address')
    return address
  }

  /** An address with its prefix length; an empty text counts as missing. */
  cidr(key: string): Cidr | undefined {
    const text = this.string(key)
    if (text === undefined || text === '') return undefined
    const cidr = parseCidr(text)
    if (cidr === undefined) throw this.wrong(key, 'an address with a prefix length')
    return cidr
  }

  /** @returns the error for a value of the wrong kind */
  wrong(key: string, wanted: string): Error {
    const value = JSON.stringify(this.value(key)) ?? 'nothing'
    return cniError('config', `invalid configuration: ${this.path}${key} is ${value}, ${wanted} is needed`)
  }

  #typed<T = string & boolean & number>(key: string, type: string, wanted: string): T | undefined {
    if (!this.has(key)) return undefined
    if (typeof this.value(key) !== type) throw this.wrong(key, wanted)
    return this.value(key) as T
  }
}

const none = new Fields({})

/**
 * In the order of the reference library: JSON, name, version; the caller
 * compares the version with what its plugin supports.
 *
 * @throws CniError 6, 7, 1
 */
export function readConf(text: string, supported: readonly CniVersion[]): NetConf {
  const fields = new Fields(parse(text))
  const name = fields.string('name') ?? ''
  if (name === '') throw cniError('config', 'missing network name')
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name) || name.length > 128)
    throw cniError('config', `invalid characters found in network name: ${name}`)
  const cniVersion = readVersion(fields, supported)
  const prevResult = fields.value('prevResult')
  return {
    cniVersion,
    name,
    type: fields.string('type') ?? '',
    fields,
    runtimeConfig: fields.object('runtimeConfig') ?? none,
    args: fields.object('args')?.object('cni') ?? none,
    ipam: fields.object('ipam'),
    dns: decodeDns(fields.value('dns')),
    prevResult:
      prevResult === undefined || prevResult === null ? undefined : decodePrevious(prevResult, cniVersion),
    valid: readValid(fields),
    text,
  }
}

/** The version to answer in where the configuration could not be read. */
export function versionIn(text: string): string {
  try {
    const { cniVersion } = JSON.parse(text) as { cniVersion?: unknown }
    return typeof cniVersion === 'string' && cniVersion !== '' ? cniVersion : '0.1.0'
  } catch {
    return '0.1.0'
  }
}

function parse(text: string): Json {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    throw cniError('decode', `error parsing the network configuration: ${(error as Error).message}`)
  }
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json as Json
  throw cniError('decode', 'error parsing the network configuration: it is no JSON object')
}

function readVersion(fields: Fields, supported: readonly CniVersion[]): CniVersion {
  const given = fields.value('cniVersion')
  if (given !== undefined && given !== null && typeof given !== 'string') {
    throw cniError('decode', `could not decode cniVersion: ${JSON.stringify(given)} is no string`)
  }
  const text = typeof given === 'string' && given !== '' ? given : '0.1.0'
  const version = supported.find((one) => one === text)
  if (version !== undefined) return version
  throw cniError(
    'incompatibleVersion',
    'incompatible CNI versions',
    `config is "${text}", plugin supports ${JSON.stringify(supported)}`,
  )
}

/** A previous result may say another version than the configuration: engines convert only the last one. */
function decodePrevious(json: unknown, version: CniVersion): CniResult {
  const own = (json as { cniVersion?: unknown }).cniVersion
  return decodeResult(json, allVersions.find((one) => one === own) ?? version)
}

function readValid(fields: Fields): readonly ValidAttachment[] {
  // libcni also writes the second name, by mistake.
  const key = ['cni.dev/valid-attachments', 'cni.dev/attachments'].find((one) => fields.has(one))
  if (key === undefined) return []
  return fields
    .objects(key)
    .map((one) => ({ containerID: one.string('containerID') ?? '', ifname: one.string('ifname') ?? '' }))
}
