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
  statusOfPart,
  versionsFrom,
} from '../../lib/adapters/cni/index.ts'

function policyOf({ conf }: Request): 'open' | 'same-bridge' | 'isolated' {
  const text = conf.fields.string('ingressPolicy') || 'open'
  if (text === 'open' || text === 'same-bridge' || text === 'isolated') return text
  throw cniError('config', `unknown ingress policy: ${JSON.stringify(text)}`)
}

function backendOf({ conf }: Request): 'iptables' | 'firewalld' | undefined {
  const backend = conf.fields.string('backend') || undefined
  if (backend === undefined || backend === 'iptables' || backend === 'firewalld') return backend
  throw cniError('config', `unrecognized firewall backend type ${JSON.stringify(backend)}`)
}

function optionsOf(request: Request) {
  const { conf } = request
  const backend = backendOf(request)
  const ingressPolicy = policyOf(request)
  const bridge = conf.prevResult?.interfaces[0]?.name
  const zone = conf.fields.string('firewalldZone') || 'trusted'
  if (!/^[\w-]{1,17}$/.test(zone)) throw cniError('config', `firewalldZone cannot be ${JSON.stringify(zone)}`)
  return {
    ...(backend === undefined ? {} : { backend }),
    zone,
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
  status: (request) => statusOfPart(request, 'firewall', optionsOf(request)),
})
