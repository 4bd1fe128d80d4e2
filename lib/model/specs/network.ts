/**
 * `--network NAME[:KEY=VALUE,…]` and the words that mean a mode instead:
 * `host`, `none`, `bridge` (the default network), `container:ID`.
 *
 * Keys are Podman's, with Docker's `priority`: ip, ip6, mac, ifname, alias
 * (repeatable), mtu, priority. Whether the network exists is the engine's
 * question.
 *
 * @module
 */

import { fail } from '../../errors/codes.ts'
import type { EndpointRequest, SetupRequest } from '../attachment.ts'
import { DEFAULT_NETWORK } from '../names.ts'
import { nearest } from '../nearest.ts'
import {
  readContainerName,
  readHostname,
  readIfname,
  readMac,
  readMtu,
  readNetworkName,
  readUnicast,
} from './scalar.ts'

/** What one `--network` says. */
export type NetworkFlag =
  | { readonly kind: 'mode'; readonly mode: 'host' | 'none' }
  | { readonly kind: 'share'; readonly container: string }
  | { readonly kind: 'endpoint'; readonly request: EndpointRequest }

const keys = ['ip', 'ip6', 'mac', 'ifname', 'alias', 'mtu', 'priority'] as const
type Key = (typeof keys)[number]

/** @throws TSNET_BAD_VALUE (invalid) */
export function parseNetworkFlag(text: string, field = '--network'): NetworkFlag {
  const [head, rest] = cut(text, ':')
  if (head === 'container') return { kind: 'share', container: readContainerName(rest ?? '', field) }
  if (head !== 'host' && head !== 'none') return { kind: 'endpoint', request: parseNetworkSpec(text, field) }
  if (rest === undefined) return { kind: 'mode', mode: head }
  const message = `reading ${field}: mode "${head}" takes no settings, "${rest}" was given`
  throw fail('TSNET_BAD_VALUE', { field, value: text, message, hint: `write ${field} ${head}` })
}

/** A network and its settings; `bridge` and `default` mean the default network. @throws TSNET_BAD_VALUE (invalid) */
export function parseNetworkSpec(text: string, field = '--network'): EndpointRequest {
  const [head, rest] = cut(text, ':')
  const network = readJoinedNetwork(head, field)
  const settings = rest === undefined ? [] : rest.split(',').map((part) => readSetting(part, text, field))
  const once = new Map<Key, string>()
  const aliases: string[] = []
  for (const [key, value] of settings) {
    if (key === 'alias') aliases.push(readHostname(value, `${field} alias`))
    else if (once.has(key)) refuse(text, field, `"${key}" is given twice`, 'leave one of them out')
    else once.set(key, value)
  }
  return { network, ...readEndpointSettings(once, field), ...(aliases.length === 0 ? {} : { aliases }) }
}

/**
 * All `--network` flags of one command together.
 *
 * @throws TSNET_BAD_VALUE (invalid) where a mode stands beside anything else
 */
export function combineNetworkFlags(
  flags: readonly NetworkFlag[],
  field = '--network',
): Pick<SetupRequest, 'mode' | 'shareWith' | 'networks'> {
  const [first] = flags
  if (flags.length > 1 && flags.some((flag) => flag.kind !== 'endpoint')) {
    const message = `reading ${field}: host, none and container:ID cannot be combined with other networks`
    throw fail('TSNET_BAD_VALUE', { field, message, hint: 'give a mode alone, or networks only' })
  }
  if (first?.kind === 'mode') return { mode: first.mode, networks: [] }
  if (first?.kind === 'share') return { mode: 'container', shareWith: first.container, networks: [] }
  return {
    mode: 'bridge',
    networks: flags.flatMap((flag) => (flag.kind === 'endpoint' ? [flag.request] : [])),
  }
}

/** The name of a network that is there, or may come. @throws TSNET_BAD_VALUE (invalid) */
export function readJoinedNetwork(text: string, field: string): string {
  return readNetworkName(meantNetwork(text), field)
}

/** `bridge` and `default` mean the default network. Whether another one is called so, callers look first. */
export function meantNetwork(text: string): string {
  return text === 'bridge' || text === 'default' ? DEFAULT_NETWORK : text
}

function readEndpointSettings(
  settings: ReadonlyMap<Key, string>,
  field: string,
): Omit<EndpointRequest, 'network'> {
  const read = <T>(key: Key, reader: (text: string, name: string) => T): T | undefined => {
    const text = settings.get(key)
    return text === undefined ? undefined : reader(text, `${field} ${key}`)
  }
  const addresses = [
    read('ip', (text, name) => readUnicast(text, name, 4)),
    read('ip6', (text, name) => readUnicast(text, name, 6)),
  ].filter((address) => address !== undefined)
  const ifname = read('ifname', readIfname)
  const mac = read('mac', readMac)
  const mtuBytes = read('mtu', readMtu)
  const gatewayPriority = read('priority', readPriority)
  return {
    ...(ifname === undefined ? {} : { ifname }),
    ...(addresses.length === 0 ? {} : { addresses }),
    ...(mac === undefined ? {} : { mac }),
    ...(mtuBytes === undefined ? {} : { mtuBytes }),
    ...(gatewayPriority === undefined ? {} : { gatewayPriority }),
  }
}

/** Higher wins the default route. @throws TSNET_BAD_VALUE (invalid) */
function readPriority(text: string, field: string): number {
  if (/^-?\d{1,9}$/.test(text)) return Number(text) + 0
  const message = `reading ${field}: "${text}" is no whole number of at most nine digits`
  throw fail('TSNET_BAD_VALUE', {
    field,
    value: text,
    message,
    hint: 'the network with the highest number gets the default route',
  })
}

function readSetting(part: string, text: string, field: string): readonly [Key, string] {
  const [name, value] = cut(part, '=')
  const key = keys.find((known) => known === name)
  if (key === undefined) {
    refuse(text, field, `unknown setting "${name}"`, nearest(name, keys) ?? `known are ${keys.join(', ')}`)
  }
  if (value === undefined || value === '') refuse(text, field, `"${key}" has no value`, `write ${key}=VALUE`)
  return [key, value]
}

function refuse(text: string, field: string, cause: string, hint: string): never {
  throw fail('TSNET_BAD_VALUE', {
    field,
    value: text,
    message: `reading ${field}: ${cause} in "${text}"`,
    hint,
  })
}

/** Before and after the first `mark`. */
function cut(text: string, mark: string): readonly [string, string | undefined] {
  const at = text.indexOf(mark)
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)]
}
