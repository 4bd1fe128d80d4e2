/**
 * `firewall`: see README.md.
 *
 * @module
 */

import {
  checkPart,
  cniError,
  definePlugin,
  gcParts,
  idOf,
  type Plugin,
  type Request,
  requirePrevious,
  versionsFrom,
} from '../../lib/adapters/cni/index.ts'

function policyOf({ conf }: Request): 'open' | 'same-bridge' | 'isolated' {
  const text = conf.fields.string('ingressPolicy') || 'open'
  if (text === 'open' || text === 'same-bridge' || text === 'isolated') return text
  throw cniError('config', `unknown ingress policy: ${JSON.stringify(text)}`)
}

function refuseBackend({ conf }: Request): void {
  const backend = conf.fields.string('backend') || 'iptables'
  if (backend === 'iptables') return
  if (backend === 'firewalld')
    throw cniError(
      'unsupportedField',
      'backend firewalld is not supported yet',
      'leave it out, or use iptables',
    )
  throw cniError('config', `unrecognized firewall backend type ${JSON.stringify(backend)}`)
}

function optionsOf(request: Request) {
  refuseBackend(request)
  const { conf } = request
  const ingressPolicy = policyOf(request)
  const bridge = conf.prevResult?.interfaces[0]?.name
  return {
    adminChain: conf.fields.string('iptablesAdminChainName') || 'CNI-ADMIN',
    ingressPolicy,
    addresses: conf.prevResult?.ips.map(({ address }) => address) ?? [],
    ...(bridge === undefined || ingressPolicy === 'open' ? {} : { bridge }),
  }
}

/** The container's traffic is let through the host's FORWARD chain. */
export const firewall: Plugin = definePlugin({
  type: 'firewall',
  about: "lets the container's traffic through the host, and keeps bridges apart",
  versions: versionsFrom('0.4.0'),
  add: async (request) => {
    const previous = requirePrevious(request)
    const engine = await request.engine()
    await engine.parts.add({
      type: 'firewall',
      id: idOf(request),
      options: optionsOf(request),
      netns: request.call.netns,
    })
    return previous
  },
  del: async (request) => {
    const engine = await request.engine()
    await engine.parts.remove({ type: 'firewall', id: idOf(request), options: optionsOf(request), netns: '' })
  },
  check: (request) => checkPart(request, 'firewall', optionsOf(request)),
  gc: (request) => gcParts(request, 'firewall', optionsOf(request)),
  status: async (request) => void optionsOf(request),
})
