/**
 * `dns`: see README.md.
 *
 * @module
 */

import {
  addressingOf,
  aliasesOf,
  allVersions,
  type CniResult,
  checkPart,
  cniError,
  definePlugin,
  dnsPortOf,
  gcParts,
  hostGateways,
  idOf,
  ownIps,
  ownNames,
  type Plugin,
  type Request,
  readAddresses,
  requirePrevious,
  serverAddresses,
  shownOf,
} from '../../lib/adapters/cni/index.ts'

function domainOf({ conf }: Request): string | undefined {
  // The second is what podman's dnsname calls it.
  const domain = conf.fields.string('domain') || conf.fields.string('domainName') || undefined
  if (domain !== undefined && !/^[a-zA-Z0-9_]([a-zA-Z0-9_.-]*[a-zA-Z0-9_])?$/.test(domain))
    throw cniError('config', `domain cannot be ${JSON.stringify(domain)}`)
  return domain
}

async function optionsOf(request: Request) {
  const { conf } = request
  const port = dnsPortOf(request) ?? (await request.engine()).namesPort
  const domain = domainOf(request)
  return {
    cidrs: addressingOf({ ips: ownIps(request), routes: [] }).addresses.map(({ cidr }) => cidr),
    names: ownNames(request),
    aliases: aliasesOf(request),
    ...(domain === undefined ? {} : { domain }),
    ...(port === undefined ? {} : { port }),
    forwarders: readAddresses(conf.fields, 'forwarders'),
    servers: serverAddresses(conf.prevResult?.dns.nameservers ?? [], 'prevResult.dns.nameservers'),
  }
}

async function add(request: Request): Promise<CniResult> {
  const previous = requirePrevious(request)
  const options = await optionsOf(request)
  const listen = await hostGateways(request)
  if (listen.length === 0)
    throw cniError(
      'config',
      'dns needs a gateway on this host to listen on, and the result before it has none',
      'set isGateway in the plugin that makes the bridge; macvlan and ipvlan have no such address',
    )
  const engine = await request.engine()
  const shown = shownOf(request, { ips: [], routes: [] })
  await engine.parts.add({
    type: 'dns',
    id: idOf(request),
    // Ours asking itself would be a loop.
    options: { ...options, listen, servers: options.servers.filter((one) => !listen.includes(one)) },
    netns: request.call.netns,
    shown: { ...shown, aliases: options.aliases },
  })
  const { nameservers = [], search = [] } = previous.dns
  const domains = [...new Set([...(options.domain === undefined ? [] : [options.domain]), ...search])]
  return {
    ...previous,
    dns: {
      ...previous.dns,
      nameservers: [...new Set<string>([...listen, ...nameservers])],
      ...(domains.length === 0 ? {} : { search: domains }),
    },
  }
}

/** For what takes nothing from the result. */
async function known(request: Request) {
  return { ...(await optionsOf(request)), listen: [] }
}

/** Names of containers on a network that other plugins make. */
export const dns: Plugin = definePlugin({
  type: 'dns',
  about: 'gives containers of the network names, and answers them',
  versions: allVersions,
  add,
  del: async (request) => {
    const engine = await request.engine()
    await engine.parts.remove({ type: 'dns', id: idOf(request), options: await known(request), netns: '' })
  },
  check: async (request) =>
    checkPart(request, 'dns', { ...(await optionsOf(request)), listen: await hostGateways(request) }),
  gc: async (request) => gcParts(request, 'dns', await known(request)),
  status: async (request) => {
    await optionsOf(request)
    if (!(await request.engine()).hasNames)
      throw cniError('notAvailable', 'names are switched off: "dns": false in /etc/tsnet/config.json')
  },
})
