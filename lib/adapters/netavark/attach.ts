/**
 * One attachment of the engine for a network of podman's, and what is done where
 * the engine knows something of it that podman does not.
 *
 * @module
 */

import { isTsnetError } from '../../errors/codes.ts'
import type { Attachment, SetupRequest } from '../../model/attachment.ts'
import { shortHash } from '../../model/hash.ts'
import type { CreateNetworkRequest, IpamSubnet } from '../../model/network.ts'
import { type Attaching, callLabels } from './call.ts'
import { NetavarkError } from './errors.ts'
import { bridgeSettings } from './options.ts'

/** Two podmans can call two networks the same, and a container here can have a name of theirs. */
export async function attach(attaching: Attaching, request: SetupRequest): Promise<Attachment> {
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
      return attach(attaching, { ...request, container: { ...request.container, labels: callLabels() } })
    }
    // Connected to one more network: the ports lead to the first.
    if (isTsnetError(error, 'TSNET_PORT_IN_USE') && (await publishesAlready(attaching))) {
      return attach(attaching, { ...request, publish: [] })
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

function hasInterface({ call, engine, joining }: Attaching): Promise<boolean> {
  return engine.hasInterface(call.line.arg, joining.ifname)
}

async function publishesAlready({ engine, options }: Attaching): Promise<boolean> {
  const known = (await engine.list()).find(({ container }) => container.id === options.containerId)
  return known?.attachments.some(({ ports }) => ports.length > 0) === true
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
