/**
 * Names that come with a call, and where containers of a network ask for them.
 *
 * @module
 */

import { type Address, parseAddress } from '../../model/address.ts'
import { readArgs } from './environment.ts'
import { cniError } from './errors.ts'
import type { Request } from './plugin.ts'

/** As `docker ps` shows ids, and as engines name containers without a name. */
const shortIdLength = 12

export function podName({ call }: Request): string | undefined {
  // Whatever other plugins of the chain are told is nothing to stumble over here.
  const args = call.args === '' ? '' : `${call.args};IgnoreUnknown=1`
  return readArgs(args, ['K8S_POD_NAME'])['K8S_POD_NAME'] || undefined
}

/** The pod's name, where Kubernetes says it, and the short id. */
export function ownNames(request: Request): readonly string[] {
  const pod = podName(request)
  const short = request.call.containerId.slice(0, shortIdLength)
  return [...new Set([...(pod === undefined ? [] : [pod]), short])]
}

/** The capability `aliases`: a list, or podman's lists by network. @throws CniError 7 */
export function aliasesOf({ conf }: Request): readonly string[] {
  const { runtimeConfig, name } = conf
  const given = runtimeConfig.value('aliases')
  const byNetwork = typeof given === 'object' && given !== null && !Array.isArray(given)
  const aliases = byNetwork
    ? (runtimeConfig.object('aliases')?.strings(name) ?? [])
    : runtimeConfig.strings('aliases')
  return [...new Set(aliases)]
}

const highestPort = 65_535

/** Where the name server listens instead of at 53. @throws CniError 7 */
export function dnsPortOf({ conf: { fields } }: Request): number | undefined {
  const port = fields.integer('dnsPort')
  if (port !== undefined && (port < 1 || port > highestPort))
    throw fields.wrong('dnsPort', `a port, 1 to ${highestPort},`)
  return port
}

/** Gateways that are addresses of the host: somebody can listen there. */
export async function hostGateways(request: Request): Promise<readonly Address[]> {
  const previous = request.conf.prevResult
  const gateways = new Set((previous?.ips ?? []).flatMap(({ gateway }) => gateway ?? []))
  const outside = (previous?.interfaces ?? []).filter(({ sandbox }) => (sandbox ?? '') === '')
  const engine = await request.engine()
  const addresses = await Promise.all(outside.map(({ name }) => engine.linkAddresses(name)))
  const here = new Set(addresses.flat().map((cidr) => cidr.slice(0, cidr.indexOf('/'))))
  return [...gateways].filter((gateway) => here.has(gateway))
}

/** Addresses among the name servers of a result. @throws CniError 7 for what is none */
export function serverAddresses(texts: readonly string[], key: string): readonly Address[] {
  return texts.map((text) => {
    const address = parseAddress(text)
    if (address === undefined)
      throw cniError(
        'config',
        `invalid configuration: ${key} has ${JSON.stringify(text)}, an IP address is needed`,
      )
    return address
  })
}
