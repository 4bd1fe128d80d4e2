/**
 * One attachment of the engine, asked for until it fits what is there already:
 * names others have, networks made with tsnet, records whose link is gone, ports
 * another network of the container has.
 *
 * @module
 */

import { isTsnetError } from '../../errors/codes.ts'
import { familyOf } from '../../model/address.ts'
import type { Attachment, SetupRequest } from '../../model/attachment.ts'
import { shortHash } from '../../model/hash.ts'
import type { CreateNetworkRequest, IpamSubnet } from '../../model/network.ts'
import type { PortMapping } from '../../model/portmapping.ts'
import type { Attaching } from './call.ts'
import { NetavarkError } from './errors.ts'
import { bridgeSettings } from './options.ts'
import { publishing } from './ports.ts'
import { attachmentsOf, servedBy } from './servedports.ts'

const mostRaces = 20

/** Two podmans can call two networks the same, and a container here can have a name of theirs. */
export async function attach(
  attaching: Attaching,
  request: SetupRequest,
  races: number = mostRaces,
): Promise<Attachment> {
  const { engine, network, joining } = attaching
  try {
    const { attachments } = await engine.attach(request)
    return attachments[0] as Attachment
  } catch (error) {
    const [endpoint] = request.networks
    if (isTsnetError(error, 'TSNET_NAME_IN_USE') && request.container.name !== undefined) {
      const { name: _taken, ...container } = request.container
      return attach(attaching, { ...request, container })
    }
    // Somebody took the link away: only our record is left.
    if (isTsnetError(error, 'TSNET_ALREADY_ATTACHED') && !(await hasInterface(attaching))) {
      await engine.detach(attaching.options.containerId, joining.ifname)
      return attach(attaching, request)
    }
    // Two at the same time have chosen the same free name for their host ends.
    if (races > 0 && isTsnetError(error, 'TSNET_IFNAME_IN_USE') && !(await isTaken(attaching))) {
      return attach(attaching, request, races - 1)
    }
    // Connected to one more network: in each family the ports lead to the first that has it.
    if (isTsnetError(error, 'TSNET_PORT_IN_USE')) {
      const publish = await unserved(attaching, request)
      if (JSON.stringify(publish) !== JSON.stringify(request.publish))
        return attach(attaching, { ...request, publish })
    }
    if (isTsnetError(error, 'TSNET_NETWORK_EXISTS') && endpoint?.network === network.name) {
      const asked = endpoint.definition as CreateNetworkRequest
      const definition = (await joined(engine, asked)) ?? {
        ...asked,
        name: `${network.name.slice(0, 100)}-${shortHash([network.id], 8)}`,
      }
      return attach(attaching, {
        ...request,
        networks: [{ ...endpoint, network: definition.name, definition }],
      })
    }
    throw inItsWords(error, attaching)
  }
}

/** A network of that name and these subnets that somebody has made with tsnet is the one that is meant, whatever its bridge. */
async function joined(
  engine: Attaching['engine'],
  asked: CreateNetworkRequest,
): Promise<CreateNetworkRequest | undefined> {
  const known = (await engine.listNetworks()).find(({ config }) => config.name === asked.name)?.config
  if (known === undefined || known.ephemeral) return undefined
  const { settled = [], options } = asked
  const isSame = ({ subnet, gateway }: IpamSubnet): boolean =>
    known.subnets.some((own) => own.subnet === subnet && own.gateway === gateway)
  if (options.bridge === known.options.bridge || !settled.every(isSame)) return undefined
  return { ...asked, options: { ...options, bridge: known.options.bridge } }
}

/** The name in the container, or the one asked for on the host. */
async function isTaken(attaching: Attaching): Promise<boolean> {
  const { hostIfname } = bridgeSettings(attaching.network, attaching.joining, attaching.options.generation)
  return hostIfname !== undefined || (await hasInterface(attaching))
}

function hasInterface({ call, engine, joining }: Attaching): Promise<boolean> {
  return engine.hasInterface(call.line.arg, joining.ifname)
}

/** Ports that lead to no other network of the container. */
async function unserved(
  { engine, options }: Attaching,
  { publish, networks }: SetupRequest,
): Promise<readonly PortMapping[]> {
  const served = servedBy(await attachmentsOf(engine, options))
  const cidrs = networks[0]?.given ?? []
  const open = cidrs.map(familyOf).filter((family) => !served.has(family))
  const { mappings } = publishing(options.portMappings, cidrs, open)
  return publish.length === 0 ? [] : mappings
}

function inItsWords(error: unknown, { joining, network, options }: Attaching): unknown {
  if (!isTsnetError(error, 'TSNET_ALREADY_ATTACHED') && !isTsnetError(error, 'TSNET_IFNAME_IN_USE'))
    return error
  const { hostIfname } = bridgeSettings(network, joining, options.generation)
  const onHost = hostIfname === undefined ? '' : ` or ${hostIfname} exists on host namespace`
  return new NetavarkError(
    `create veth pair: interface ${joining.ifname} already exists on container namespace${onHost}: Netlink error: File exists (os error 17)`,
  )
}
