/**
 * `NetworkDriver.CreateNetwork` and `DeleteNetwork`: Docker's network as one of
 * tsnet's.
 *
 * Docker tells a network once in its life, and only its id: what it said is
 * written down before anything is made, so that a kill leaves a document without
 * a network, and never a network without one.
 *
 * @module
 */

import type { Ledger, RemoteEngine } from '../../engine/endpoint/remote.ts'
import { fail, isTsnetError } from '../../errors/codes.ts'
import type { Address } from '../../model/address.ts'
import { shortHash } from '../../model/hash.ts'
import type { SubnetRequest } from '../../model/network.ts'
import type { CreateNetworkCall } from './messages.ts'
import { type NetworkWish, readNetworkOptions } from './options.ts'

/** What is kept of a network of Docker's. */
export interface NetworkDocument {
  /** tsnet's name for it. */
  readonly network: string
  /** Made for Docker, and gone with it; else it was there before. */
  readonly own: boolean
  readonly prefix: string
  readonly hostBinding?: Address
  /** Hash of the call, to tell a repeat from a second network of that id. */
  readonly told: string
  /** ISO 8601, UTC. */
  readonly createdAt: string
}

export interface Networks {
  readonly engine: RemoteEngine
  readonly documents: Ledger<NetworkDocument>
}

/** As Docker shortens them. */
const shortId = (id: string): string => id.slice(0, 12)

/** Of one that is made for it. */
const nameOf = (id: string): string => `docker-${shortId(id)}`

/** IPAM driver `null` says this of a network without a pool. */
const everywhere = ['0.0.0.0/0', '::/0']

export async function createNetwork(
  { engine, documents }: Networks,
  call: CreateNetworkCall,
  signal: AbortSignal,
): Promise<void> {
  const wish = readNetworkOptions(call.Options)
  const subnets = subnetsOf(call)
  const id = call.NetworkID
  const told = shortHash([JSON.stringify(call)], 16)
  const known = documents.get(id)
  if (known !== undefined && known.told !== told) {
    throw fail('TSNET_NETWORK_EXISTS', {
      message: `creating network ${shortId(id)}: it is there with other settings`,
      field: 'NetworkID',
      value: id,
      hint: 'remove it first',
    })
  }
  const network = wish.existing ?? nameOf(id)
  if (known !== undefined && engine.network(network) !== undefined) return engine.restoreNetwork(network)
  const { prefix, hostBinding } = wish
  const document: NetworkDocument = {
    network,
    own: wish.existing === undefined,
    prefix,
    ...(hostBinding === undefined ? {} : { hostBinding }),
    told,
    createdAt: new Date().toISOString(),
  }
  if (wish.existing !== undefined) {
    checkExisting(engine, wish, subnets)
    documents.put(id, document)
    return
  }
  documents.put(id, document)
  try {
    const { internal, ipv6, bridge } = wish
    const asked6 = ipv6 && !subnets.some(({ subnet }) => subnet.includes(':'))
    await engine.createNetwork(
      {
        name: network,
        driver: 'bridge',
        subnets,
        ipv6: asked6,
        internal,
        options: { bridge: `br-${shortId(id)}`, ...bridge },
        labels: { 'docker.id': id },
      },
      { signal },
    )
  } catch (error) {
    documents.remove(id)
    throw error
  }
  engine.pools.bind(
    subnets.map(({ subnet }) => subnet),
    network,
  )
}

function subnetsOf({ IPv4Data = [], IPv6Data = [] }: CreateNetworkCall): readonly SubnetRequest[] {
  return [...IPv4Data, ...IPv6Data].flatMap(({ Pool, Gateway, AuxAddresses = {} }) => {
    if (Pool === undefined || everywhere.includes(Pool)) return []
    const reserved = Object.entries(AuxAddresses).filter(
      (entry): entry is [string, Address] => entry[1] !== undefined,
    )
    return [
      {
        subnet: Pool,
        ...(Gateway === undefined ? {} : { gateway: Gateway }),
        ...(reserved.length === 0 ? {} : { reserved: Object.fromEntries(reserved) }),
      },
    ]
  })
}

/** Docker's addresses must be that network's. */
function checkExisting(engine: RemoteEngine, wish: NetworkWish, subnets: readonly SubnetRequest[]): void {
  const name = wish.existing as string
  const config = engine.network(name)
  if (config === undefined) {
    throw fail('TSNET_NO_SUCH_NETWORK', {
      message: `using network ${name}: tsnet has none of that name`,
      field: '-o network',
      value: name,
      hint: `"tsnet network create ${name}" makes it`,
    })
  }
  const stranger = subnets.find(({ subnet }) => !config.subnets.some((own) => own.subnet === subnet))
  if (stranger !== undefined) {
    throw fail('TSNET_BAD_VALUE', {
      message: `using network ${name}: its subnet is ${config.subnets.map((own) => own.subnet).join(' and ')}, Docker chose ${stranger.subnet}`,
      field: 'Pool',
      value: stranger.subnet,
      hint: `add --ipam-driver tsnet --ipam-opt network=${name} --subnet ${config.subnets[0]?.subnet}`,
    })
  }
  const [option] = Object.keys(wish.bridge)
  if (option === undefined && wish.internal === config.internal) return
  throw fail('TSNET_BAD_VALUE', {
    message: `using network ${name}: it is there, and ${option === undefined ? 'internal or not' : `its option ${option}`} is settled`,
    field: '-o network',
    value: name,
    hint: `leave everything but -o network=${name} out`,
  })
}

/** Of a network made for Docker whose document was lost: its definition says whose it is. */
function traceOf(engine: RemoteEngine, id: string): Pick<NetworkDocument, 'network' | 'own'> | undefined {
  const network = nameOf(id)
  return engine.network(network)?.labels['docker.id'] === id ? { network, own: true } : undefined
}

/** Nothing to remove is a success. */
export async function deleteNetwork({ engine, documents }: Networks, id: string): Promise<void> {
  const document = documents.get(id) ?? traceOf(engine, id)
  if (document === undefined) return
  if (!document.own) return documents.remove(id)
  // Docker removes networks without endpoints only: whoever is left here, it has forgotten.
  for (const end of engine.ends.list()) {
    if (end.network === document.network) await engine.ends.remove(end.id)
  }
  try {
    await engine.removeNetwork(document.network)
  } catch (error) {
    // Containers of others are on it: it is a network of tsnet's from now on.
    if (isTsnetError(error, 'TSNET_NETWORK_IN_USE')) documents.remove(id)
    if (!isTsnetError(error, 'TSNET_NO_SUCH_NETWORK')) throw error
  }
  documents.remove(id)
}

/** @throws TSNET_NO_SUCH_NETWORK (notFound) */
export function documentOf({ documents }: Networks, id: string): NetworkDocument {
  const document = documents.get(id)
  if (document !== undefined) return document
  throw fail('TSNET_NO_SUCH_NETWORK', {
    message: `finding network ${shortId(id)}: tsnet has none of that id`,
    field: 'NetworkID',
    value: id,
    hint: 'remove it and create it again',
  })
}
