/**
 * A container's resolver files: what `--resolv-conf` and `--hosts` say, and the
 * steps that write it.
 *
 * A hosts file may hold more than ours: only the lines between our marks are
 * changed, and they carry the key of the record. A resolv.conf is written
 * whole. Called again with the result of a later change (a network more, a
 * network less), the same marks are found and the same files brought up to date.
 *
 * @module
 */

import { hostsLines, parseHosts, renderHosts } from '../../dns/hostsfile.ts'
import { type ResolverFile, resolverFile } from '../../dns/resolvfile.ts'
import { fail, isTsnetError } from '../../errors/codes.ts'
import { addressOf } from '../../model/address.ts'
import type { ContainerNetwork, SetupRequest } from '../../model/attachment.ts'
import type { FileStep } from '../../plan/step.ts'
import { textWithout } from '../../plan/textfile.ts'
import type { EngineContext } from '../context.ts'
import type { Target } from './target.ts'

const hostResolvConf = '/etc/resolv.conf'
const behindStub = '/run/systemd/resolve/resolv.conf'
const hostHosts = '/etc/hosts'

export interface DecidedFiles {
  /** As it came in, with what the files say. */
  readonly result: ContainerNetwork
  readonly steps: readonly FileStep[]
}

/** @throws TSNET_FILE_UNUSABLE (invalid) before anything is changed */
export function decideFiles(
  context: EngineContext,
  request: SetupRequest,
  target: Target,
  result: ContainerNetwork,
): DecidedFiles {
  const { resolvConf, hostsFile } = request.resolver
  const steps: FileStep[] = []
  let { resolver } = result
  if (resolvConf !== undefined) {
    changeable(context, resolvConf, 'resolver.resolvConf')
    const { says, text } = resolvConfOf(context, request, target, result)
    resolver = { ...resolver, ...says, resolvConf }
    steps.push({ kind: 'file', where: 'host', path: resolvConf, text })
  }
  if (hostsFile !== undefined) {
    const current = changeable(context, hostsFile, 'resolver.hostsFile') ?? ''
    const text = hostsOf(context, target, result, textWithout(target.key, current))
    resolver = { ...resolver, hostsFile }
    steps.push({ kind: 'file', where: 'host', path: hostsFile, text, mark: target.key })
  }
  return { result: { ...result, resolver }, steps }
}

/** The text that is there. */
function changeable(context: EngineContext, path: string, field: string): string | undefined {
  try {
    return context.kernel.changeableText(path)
  } catch (error) {
    if (!isTsnetError(error, 'TSNET_FILE_UNUSABLE')) throw error
    const { message, value, hint, cause } = error
    throw fail('TSNET_FILE_UNUSABLE', {
      message,
      field,
      value,
      ...(hint === undefined ? {} : { hint }),
      ...(cause === undefined ? {} : { cause }),
    })
  }
}

function resolvConfOf(
  context: EngineContext,
  request: SetupRequest,
  target: Target,
  result: ContainerNetwork,
): ResolverFile {
  const { servers = [], search = [], options = [] } = request.resolver
  const { shares } = target
  const owner = shares ?? result
  const inherited = shares?.resolver ?? { servers: [], search: [], options: [] }
  // Also of internal networks, whose gateways attachments do not name: nothing is routed there.
  const gateways = owner.attachments.flatMap(
    ({ network, gateways: routed }) =>
      context.networks.get(network)?.subnets.map(({ gateway }) => gateway) ?? routed,
  )
  const serves = owner.resolver.servers.some((server) => gateways.includes(server))
  return resolverFile({
    mode: modeOf(owner),
    asked: {
      servers: servers.length > 0 ? servers : inherited.servers,
      search: search.length > 0 ? search : inherited.search,
      options: options.length > 0 ? options : inherited.options,
    },
    own: serves && (shares === undefined || servers.length === 0) ? owner.resolver.servers : [],
    closed: owner.attachments.every(({ defaultRoute }) => defaultRoute.length === 0),
    host: context.kernel.hostText(hostResolvConf) ?? '',
    behindStub: context.kernel.hostText(behindStub) ?? '',
  })
}

/** Shared sandboxes of sharers: what can be said of both is what a bridge would have. */
function modeOf({ mode }: ContainerNetwork): 'bridge' | 'host' | 'none' {
  return mode === 'container' ? 'bridge' : mode
}

function hostsOf(
  context: EngineContext,
  { container, shares }: Target,
  result: ContainerNetwork,
  others: string,
): string {
  const owner = shares ?? result
  const lines = hostsLines({
    own: container,
    addresses: owner.attachments.flatMap(({ addresses }) => addresses.map(addressOf)),
    hosts: result.resolver.hosts,
    links: result.links ?? [],
    others: parseHosts(others),
    inherited: owner.mode === 'host' ? parseHosts(context.kernel.hostText(hostHosts) ?? '') : [],
  })
  return renderHosts(lines)
}
