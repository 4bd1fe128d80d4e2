/**
 * The JSON form of a setup request, as `tsnet setup --config` reads it, and the
 * way back. README.md beside this file describes it with an example.
 *
 * Lists take the text a flag takes (`"8080:80"`) or an object, as one likes.
 * Only shapes and single values are read here; `validate.ts` looks at them
 * together.
 *
 * @module
 */

import { type Address, familyOf } from './address.ts'
import type { EndpointRequest, HostEntry, LinkRequest, SetupRequest } from './attachment.ts'
import {
  array,
  boolean,
  type Decoder,
  either,
  integer,
  literal,
  object,
  optional,
  record,
  string,
  text,
} from './decode.ts'
import type { PortMapping } from './portmapping.ts'
import { parseAddHost } from './specs/addhost.ts'
import { type ExposedPort, parseExpose } from './specs/expose.ts'
import { readFilePath } from './specs/filepath.ts'
import { defaultAlias, parseLink } from './specs/link.ts'
import { parseNetworkSpec, readJoinedNetwork } from './specs/network.ts'
import { parsePublish, readHostAddress } from './specs/publish.ts'
import { readSandbox } from './specs/sandbox.ts'
import {
  readAddress,
  readContainerName,
  readHostname,
  readIfname,
  readMac,
  readMtu,
  readProtocol,
  readUnicast,
} from './specs/scalar.ts'
import { readSysctls } from './sysctl.ts'
import { readResolverOption, readSearchDomain } from './validate.ts'

const port = integer({ min: 1, max: 65_535 })

const mtu: Decoder<number> = (value, path) =>
  readMtu(typeof value === 'number' ? value : string(value, path), path)

const sandboxObject = object({
  path: optional(string),
  pid: optional(integer({ min: 1, max: 2 ** 31 - 1 })),
  name: optional(string),
})

const sandbox: Decoder<SetupRequest['sandbox']> = either({
  string: (value, path) => readSandbox({ path: string(value, path) }, path),
  object: (value, path) => readSandbox(sandboxObject(value, path), path),
})

const endpointObject = object({
  network: optional(text(readJoinedNetwork)),
  name: optional(text(readJoinedNetwork)),
  ip: optional(text((value, field) => readUnicast(value, field, 4))),
  ip6: optional(text((value, field) => readUnicast(value, field, 6))),
  mac: optional(text(readMac)),
  ifname: optional(text(readIfname)),
  aliases: optional(array(text(readHostname))),
  mtu: optional(mtu),
  priority: optional(integer({ min: -999_999_999, max: 999_999_999 })),
})

const endpoint: Decoder<EndpointRequest> = either({
  string: text(parseNetworkSpec),
  object: (value, path) => {
    const { name, network = name, ip, ip6, mtu: mtuBytes, priority, ...rest } = endpointObject(value, path)
    const addresses = [ip, ip6].filter((address): address is Address => address !== undefined)
    return {
      network: network ?? string(undefined, `${path}.network`),
      ...rest,
      ...(addresses.length === 0 ? {} : { addresses }),
      ...(mtuBytes === undefined ? {} : { mtuBytes }),
      ...(priority === undefined ? {} : { gatewayPriority: priority }),
    }
  },
})

const mappingObject = object({
  hostAddress: optional(text(readHostAddress)),
  hostPort: optional(port),
  containerPort: port,
  count: optional(port),
  protocol: optional(text(readProtocol)),
})

const mapping: Decoder<PortMapping> = either({
  string: text(parsePublish),
  object: (value, path) => ({ count: 1, protocol: 'tcp', ...mappingObject(value, path) }),
})

const exposedObject = object({ port, count: optional(port), protocol: optional(text(readProtocol)) })

const exposed: Decoder<ExposedPort> = either({
  string: text(parseExpose),
  object: (value, path) => ({ count: 1, protocol: 'tcp', ...exposedObject(value, path) }),
})

const hostAddress = text((value, field) => (value === 'host-gateway' ? value : readAddress(value, field)))

const host: Decoder<HostEntry> = either({
  string: text(parseAddHost),
  object: object({ name: text(readHostname), address: hostAddress }),
})

const link: Decoder<LinkRequest> = either({
  string: text(parseLink),
  object: (value, path) => {
    const { container, alias = defaultAlias(container) } = linkObject(value, path)
    return { container, alias: readHostname(alias, `${path}.alias`) }
  },
})

const linkObject = object({ container: text(readContainerName), alias: optional(text(readHostname)) })

const sysctls: Decoder<Readonly<Record<string, string>>> = (value, path) => {
  const setting: Decoder<string> = (one, at) => (typeof one === 'number' ? String(one) : string(one, at))
  return readSysctls(record(setting)(value, path), path)
}

const mode: Decoder<Pick<SetupRequest, 'mode' | 'shareWith'>> = (value, path) => {
  const share = typeof value === 'string' ? /^container:(.*)$/s.exec(value)?.[1] : undefined
  if (share !== undefined) return { mode: 'container', shareWith: readContainerName(share, path) }
  return { mode: literal('bridge', 'host', 'none', 'container')(value, path) }
}

const document = object({
  sandbox,
  container: optional(
    object({
      id: optional(text(readContainerName)),
      name: optional(text(readContainerName)),
      hostname: optional(text(readHostname)),
      labels: optional(record(string)),
    }),
  ),
  mode: optional(mode),
  shareWith: optional(text(readContainerName)),
  networks: optional(array(endpoint)),
  publish: optional(array(mapping)),
  expose: optional(array(exposed)),
  publishAll: optional(boolean),
  ignorePublish: optional(boolean),
  dns: optional(
    object({
      servers: optional(array(text((value, field) => readAddress(value, field)))),
      search: optional(array(text(readSearchDomain))),
      options: optional(array(text(readResolverOption))),
    }),
  ),
  hosts: optional(array(host)),
  resolver: optional(
    object({
      resolvConf: optional(text(readFilePath)),
      hostsFile: optional(text(readFilePath)),
    }),
  ),
  links: optional(array(link)),
  sysctls: optional(sysctls),
  firewall: optional(literal('iptables', 'nftables', 'none')),
})

/** @throws TSNET_BAD_JSON, TSNET_BAD_VALUE (invalid), both with the path of the field */
export function decodeSetupRequest(json: unknown): SetupRequest {
  const read = document(json, '')
  const {
    mode: given = { mode: 'bridge' },
    shareWith,
    firewall,
    dns,
    hosts,
    resolver: files,
    links,
    ...rest
  } = read
  return {
    sandbox: rest.sandbox,
    container: rest.container ?? {},
    ...given,
    ...(shareWith === undefined ? {} : { shareWith }),
    networks: rest.networks ?? [],
    publish: rest.publish ?? [],
    expose: rest.expose ?? [],
    publishAll: rest.publishAll ?? false,
    ignorePublish: rest.ignorePublish ?? false,
    resolver: { ...dns, ...(hosts === undefined ? {} : { hosts }), ...files },
    ...(links === undefined ? {} : { links }),
    sysctls: rest.sysctls ?? {},
    ...(firewall === undefined ? {} : { firewall }),
  }
}

/** The document that decodes to `request`: plain data for JSON.stringify. */
export function encodeSetupRequest(request: SetupRequest): Record<string, unknown> {
  const { resolver, networks, sandbox: where, ...rest } = request
  const { hosts, resolvConf, hostsFile, ...dns } = resolver
  const files = { ...(resolvConf && { resolvConf }), ...(hostsFile && { hostsFile }) }
  return {
    ...rest,
    sandbox: { path: where.path },
    networks: networks.map(encodeEndpoint),
    dns,
    ...(hosts && { hosts }),
    ...(Object.keys(files).length > 0 && { resolver: files }),
  }
}

function encodeEndpoint(request: EndpointRequest): Record<string, unknown> {
  const { addresses = [], mtuBytes, gatewayPriority, ...rest } = request
  return {
    ...rest,
    ...Object.fromEntries(addresses.map((address) => [familyOf(address) === 4 ? 'ip' : 'ip6', address])),
    ...(mtuBytes === undefined ? {} : { mtu: mtuBytes }),
    ...(gatewayPriority === undefined ? {} : { priority: gatewayPriority }),
  }
}
