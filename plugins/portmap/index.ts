/**
 * `portmap`: see README.md.
 *
 * @module
 */

import {
  allVersions,
  checkPart,
  cniError,
  definePlugin,
  gcParts,
  idOf,
  ownIps,
  type Plugin,
  type Request,
  readPortMapping,
  requirePrevious,
  rulesBackend,
  shownOf,
  statusOfPart,
} from '../../lib/adapters/cni/index.ts'
import type { Cidr } from '../../lib/index.ts'

function optionsOf(request: Request) {
  const { fields, runtimeConfig } = request.conf
  const markBit = fields.integer('markMasqBit')
  const markChain = fields.string('externalSetMarkChain')
  if (markBit !== undefined && markChain !== undefined)
    throw cniError('config', 'Cannot specify externalSetMarkChain and markMasqBit')
  if (markBit !== undefined && (markBit < 0 || markBit > 31))
    throw cniError('config', 'MasqMarkBit must be between 0 and 31')
  const conditions = { 4: fields.strings('conditionsV4'), 6: fields.strings('conditionsV6') }
  const spoken = [...conditions[4], ...conditions[6]].some((word) => /^[-!]/.test(word))
    ? 'iptables'
    : undefined
  const backend = spoken !== undefined && !fields.has('backend') ? spoken : rulesBackend(request, 'backend')
  if (backend === 'nftables' && (spoken !== undefined || markChain !== undefined))
    throw cniError(
      'config',
      'conditions and externalSetMarkChain in the language of iptables need backend iptables',
    )
  const ips = ownIps(request).map(({ address }) => address)
  const first = (family: 4 | 6): readonly Cidr[] =>
    ips.filter((cidr) => cidr.includes(':') === (family === 6)).slice(0, 1)
  return {
    backend,
    ports: runtimeConfig.objects('portMappings').map(readPortMapping),
    addresses: [...first(4), ...first(6)],
    snat: fields.boolean('snat') ?? true,
    masqueradeAll: fields.boolean('masqAll') ?? false,
    markBit: markBit ?? 13,
    ...(markChain === undefined ? {} : { markChain }),
    conditions,
  } as const
}

/** Ports of the host that lead to the container. */
export const portmap: Plugin = definePlugin({
  type: 'portmap',
  about: 'publishes ports of the container on the host',
  versions: allVersions,
  add: async (request) => {
    const previous = requirePrevious(request)
    const options = optionsOf(request)
    if (options.ports.length === 0) return previous
    const engine = await request.engine()
    const bindings = options.ports.map((port) => ({ ...port, count: 1 }))
    await engine.parts.add({
      type: 'portmap',
      id: idOf(request),
      options,
      netns: request.call.netns,
      shown: shownOf(request, { ips: [], routes: [] }, undefined, bindings),
    })
    return previous
  },
  del: async (request) => {
    const engine = await request.engine()
    await engine.parts.remove({ type: 'portmap', id: idOf(request), options: optionsOf(request), netns: '' })
  },
  check: (request) => checkPart(request, 'portmap', optionsOf(request)),
  gc: (request) => gcParts(request, 'portmap', optionsOf(request)),
  status: (request) => statusOfPart(request, 'portmap', optionsOf(request)),
})
