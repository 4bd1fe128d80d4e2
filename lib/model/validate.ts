/**
 * What can be said about a request without looking at the host.
 *
 * Requests come typed, but from JavaScript callers and from adapters too: every
 * value is read again here, so the engine may trust all of them. What needs the
 * host or the state (is the address free, does the network exist) is the
 * engine's. Field paths are those of the JSON form (README.md).
 *
 * @module
 */

import { fail } from '../errors/codes.ts'
import { type Address, familyOf } from './address.ts'
import type { EndpointRequest, SetupRequest } from './attachment.ts'
import type { PortMapping } from './portmapping.ts'
import { portsOverlap } from './portoverlap.ts'
import { readFilePath } from './specs/filepath.ts'
import { formatPublish } from './specs/format.ts'
import { readHostAddress } from './specs/publish.ts'
import { readSandbox } from './specs/sandbox.ts'
import {
  readAddress,
  readContainerName,
  readHostname,
  readIfname,
  readMac,
  readMtu,
  readNetworkName,
  readPort,
  readProtocol,
  readUnicast,
} from './specs/scalar.ts'
import { readSysctls } from './sysctl.ts'

/**
 * @throws TSNET_BAD_VALUE (invalid) names the field
 * @throws TSNET_MODE_MISMATCH (invalid) where a wish does not fit the mode
 */
export function validateSetup(request: SetupRequest): void {
  readSandbox({ path: request.sandbox.path }, 'sandbox.path')
  validateContainer(request.container)
  validateMode(request)
  request.networks.forEach((endpoint, i) => {
    validateEndpoint(endpoint, `networks[${i}]`)
  })
  refuseTwins(request.networks)
  request.publish.forEach((mapping, i) => {
    validateMapping(mapping, `publish[${i}]`)
  })
  refuseOverlaps(request.publish)
  request.expose.forEach(({ port, count, protocol }, i) => {
    readPorts({ first: port, count }, `expose[${i}]`)
    expectCanonical(protocol, readProtocol, `expose[${i}].protocol`)
  })
  validateResolver(request.resolver)
  validateLinks(request)
  for (const key of Object.keys(readSysctls(request.sysctls, 'sysctls'))) {
    if (!Object.hasOwn(request.sysctls, key)) throw notCanonical(key, 'sysctls')
  }
}

function validateContainer(container: SetupRequest['container']): void {
  if (container.id !== undefined) readContainerName(container.id, 'container.id')
  if (container.name !== undefined) refuseLongLabels(readContainerName(container.name, 'container.name'))
  if (container.hostname !== undefined) readHostname(container.hostname, 'container.hostname')
}

/** Ids may be longer: their short form is the name. */
function refuseLongLabels(name: string): void {
  const label = name.split('.').find((part) => part.length > 63)
  if (label === undefined) return
  throw fail('TSNET_BAD_VALUE', {
    field: 'container.name',
    value: name,
    message: `reading container.name: "${label}" has ${label.length} characters, and names are looked up in parts of at most 63`,
    hint: 'choose a shorter name',
  })
}

/** Which wishes a mode can grant. `ignorePublish` lets `-p` pass where nothing can be published. */
function validateMode(request: SetupRequest): void {
  const { mode, shareWith, networks, publish, publishAll, ignorePublish, sysctls } = request
  if (mode === 'container') {
    if (shareWith === undefined) {
      const message = 'reading shareWith: mode container needs the container whose sandbox is shared'
      throw fail('TSNET_BAD_VALUE', { field: 'shareWith', message, hint: 'write --network container:ID' })
    }
    readContainerName(shareWith, 'shareWith')
  } else if (shareWith !== undefined) {
    throw mismatch('shareWith', mode, 'shares no sandbox', 'use mode container, or leave shareWith out')
  }
  if (mode === 'bridge') return
  if (networks.length > 0) throw mismatch('networks', mode, 'joins no networks', 'leave the networks out')
  if ((publish.length > 0 || publishAll) && !ignorePublish) {
    throw mismatch('publish', mode, unpublishable[mode], 'leave the ports out, or add --ignore-publish')
  }
  if (mode === 'host' && Object.keys(sysctls).length > 0) {
    throw mismatch('sysctls', mode, "has the host's own settings", 'set them on the host with sysctl(8)')
  }
}

const unpublishable: Readonly<Record<Exclude<SetupRequest['mode'], 'bridge'>, string>> = {
  host: 'publishes nothing: the container listens on the host itself',
  none: 'publishes nothing: the container is on no network',
  container: 'publishes nothing: the ports belong to the container whose sandbox is shared',
}

function mismatch(field: string, mode: string, cause: string, hint: string): Error {
  return fail('TSNET_MODE_MISMATCH', {
    field,
    value: mode,
    message: `reading ${field}: mode ${mode} ${cause}`,
    hint,
  })
}

function validateEndpoint(endpoint: EndpointRequest, path: string): void {
  // A definition of its own is never mistaken for a word that means a mode.
  if (endpoint.definition === undefined) readNetworkName(endpoint.network, `${path}.network`)
  else readContainerName(endpoint.network, `${path}.network`)
  if (endpoint.ifname !== undefined) readIfname(endpoint.ifname, `${path}.ifname`)
  if (endpoint.mac !== undefined) expectCanonical(endpoint.mac, readMac, `${path}.mac`)
  if (endpoint.mtuBytes !== undefined) readMtu(endpoint.mtuBytes, `${path}.mtu`)
  for (const alias of endpoint.aliases ?? []) readHostname(alias, `${path}.aliases`)
  const addresses = endpoint.addresses ?? []
  for (const address of addresses) expectCanonical(address, readUnicast, ipField(path, address))
  for (const [i, address] of addresses.entries()) {
    if (addresses.findIndex((other) => familyOf(other) === familyOf(address)) === i) continue
    const field = ipField(path, address)
    const message = `reading ${field}: two IPv${familyOf(address)} addresses for one interface`
    throw fail('TSNET_BAD_VALUE', { field, value: address, message, hint: 'give at most one per family' })
  }
  const priority = endpoint.gatewayPriority ?? 0
  if (Number.isSafeInteger(priority)) return
  const message = `reading ${path}.priority: ${priority} is no whole number`
  throw fail('TSNET_BAD_VALUE', {
    field: `${path}.priority`,
    value: priority,
    message,
    hint: 'write a whole number',
  })
}

function ipField(path: string, address: Address): string {
  return `${path}.${familyOf(address) === 4 ? 'ip' : 'ip6'}`
}

/** One interface name, address or MAC for two endpoints of the same container, or one network joined twice. */
function refuseTwins(networks: readonly EndpointRequest[]): void {
  const seen = new Map<string, string>()
  for (const [i, { network, ifname, addresses = [], mac }] of networks.entries()) {
    const path = `networks[${i}]`
    const claims: readonly (readonly [string, string | undefined, string])[] = [
      [`${path}.network`, network, `network "${network}" is joined twice`],
      [`${path}.ifname`, ifname, `interface name "${ifname}" is given twice`],
      ...addresses.map(
        (address) => [ipField(path, address), address, `address ${address} is given twice`] as const,
      ),
      [`${path}.mac`, mac, `MAC ${mac} is given twice`],
    ]
    for (const [field, value, cause] of claims) {
      if (value === undefined) continue
      const key = `${field.slice(field.lastIndexOf('.'))} ${value}`
      const other = seen.get(key)
      seen.set(key, field)
      if (other === undefined) continue
      const message = `reading ${field}: ${cause}, first in ${other}`
      throw fail('TSNET_BAD_VALUE', { field, value, message, hint: 'change or drop one of the two' })
    }
  }
}

function validateMapping(mapping: PortMapping, path: string): void {
  const { hostAddress, hostPort, containerPort, count, protocol } = mapping
  if (hostAddress !== undefined) expectCanonical(hostAddress, readHostAddress, `${path}.hostAddress`)
  readPorts({ first: containerPort, count }, `${path}.containerPort`)
  if (hostPort !== undefined) readPorts({ first: hostPort, count }, `${path}.hostPort`)
  expectCanonical(protocol, readProtocol, `${path}.protocol`)
}

function readPorts(range: { readonly first: number; readonly count: number }, field: string): void {
  readPort(range.first, field)
  if (Number.isInteger(range.count) && range.count >= 1 && range.first + range.count - 1 <= 65_535) return
  const message = `reading ${field}: ${range.count} ports from ${range.first} do not fit below 65536`
  throw fail('TSNET_BAD_VALUE', {
    field,
    value: range.count,
    message,
    hint: 'give a count from 1, or a lower first port',
  })
}

function refuseOverlaps(publish: readonly PortMapping[]): void {
  const held = publish.flatMap((mapping, i) => {
    const { hostPort } = mapping
    return hostPort === undefined ? [] : [{ ...mapping, hostPort, i }]
  })
  for (const [n, mapping] of held.entries()) {
    const other = held.slice(0, n).find((earlier) => portsOverlap(earlier, mapping))
    if (other === undefined) continue
    const [field, text] = [`publish[${mapping.i}]`, formatPublish(mapping)]
    const message = `reading ${field}: ${text} and ${formatPublish(other)} want the same port of the host`
    throw fail('TSNET_BAD_VALUE', {
      field,
      value: text,
      message,
      hint: 'give them different host ports or addresses',
    })
  }
}

function validateResolver(resolver: SetupRequest['resolver']): void {
  for (const server of resolver.servers ?? []) expectCanonical(server, readAddress, 'dns.servers')
  for (const domain of resolver.search ?? []) readSearchDomain(domain, 'dns.search')
  for (const option of resolver.options ?? []) readResolverOption(option, 'dns.options')
  for (const { name, address } of resolver.hosts ?? []) {
    readHostname(name, 'hosts')
    if (address !== 'host-gateway') expectCanonical(address, readAddress, 'hosts')
  }
  const { resolvConf, hostsFile } = resolver
  if (resolvConf !== undefined) readFilePath(resolvConf, 'resolver.resolvConf')
  if (hostsFile !== undefined) readFilePath(hostsFile, 'resolver.hostsFile')
  if (hostsFile === undefined || hostsFile !== resolvConf) return
  throw fail('TSNET_BAD_VALUE', {
    field: 'resolver.hostsFile',
    value: hostsFile,
    message: 'reading resolver.hostsFile: it is the file of resolver.resolvConf too',
    hint: 'give two files',
  })
}

/** Links lead over networks: the other modes have none of their own. */
function validateLinks({ links = [], mode }: SetupRequest): void {
  if (links.length > 0 && mode !== 'bridge') {
    throw mismatch('links', mode, 'joins no networks a link could lead over', 'use --add-host NAME:ADDRESS')
  }
  for (const [i, { container, alias }] of links.entries()) {
    readContainerName(container, `links[${i}].container`)
    readHostname(alias, `links[${i}].alias`)
    if (links.findIndex((other) => other.alias.toLowerCase() === alias.toLowerCase()) === i) continue
    throw fail('TSNET_BAD_VALUE', {
      field: `links[${i}].alias`,
      value: alias,
      message: `reading links[${i}].alias: two links are called ${alias}`,
      hint: 'write OTHER:ALIAS with another alias',
    })
  }
}

/** Equal must mean equal texts: `FD00::5` is the decoder's to mend, not the engine's. */
function expectCanonical(text: string, read: (text: string, field: string) => string, field: string): void {
  const canonical = read(text, field)
  if (canonical !== text) throw notCanonical(canonical, field)
}

function notCanonical(canonical: string, field: string): Error {
  const message = `reading ${field}: the value is not in its canonical form`
  return fail('TSNET_BAD_VALUE', { field, message, hint: `write ${canonical}` })
}

/** A domain to search; `.` alone means none (Docker). @throws TSNET_BAD_VALUE (invalid) */
export function readSearchDomain(text: string, field: string): string {
  return text === '.' ? text : readHostname(text.replace(/\.$/, ''), field)
}

/** An option of resolv.conf(5), such as `ndots:5`. @throws TSNET_BAD_VALUE (invalid) */
export function readResolverOption(text: string, field: string): string {
  if (/^[a-z0-9-]+(:\d{1,5})?$/.test(text)) return text
  const message = `reading ${field}: "${text}" is no option of resolv.conf`
  throw fail('TSNET_BAD_VALUE', {
    field,
    value: text,
    message,
    hint: 'write a name or NAME:NUMBER, such as ndots:5',
  })
}
