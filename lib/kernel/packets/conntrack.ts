/**
 * Forgets the tracked flows of published ports, and nothing else.
 *
 * A UDP flow is remembered as long as packets come: after the port has moved to
 * another container, an old client would go on talking to the old address, or to
 * the host itself. Flows that only pass through the host to a far port of the
 * same number (DNS, say) are left alone, so "any address" means the addresses
 * the host has now.
 *
 * @see https://conntrack-tools.netfilter.org/
 * @module
 */

import { fail } from '../../errors/codes.ts'
import { type Address, addressOf, familyOf, isLoopback, isUnspecified } from '../../model/address.ts'
import type { Protocol } from '../../model/portmapping.ts'
import type { ConntrackStep } from '../../plan/step.ts'
import { addrList, decodeAddresses } from '../netlink/addr.ts'
import type { Message, Received } from '../netlink/encode.ts'
import { openNetfilterSocket } from '../netlink/event-socket.ts'
import {
  decodeFlow,
  type Flow,
  type FlowEnd,
  type FlowFilter,
  flowDelete,
  flowsRequest,
} from '../netlink/flow.ts'
import { decodeFlowFact } from '../netlink/flowdetail.ts'
import { openFlowSocket, openRouteSocket, type RouteSocket } from '../netlink/socket.ts'
import { EINVAL, ENOENT, EOPNOTSUPP, EPERM, EPROTONOSUPPORT, errnoOf, errnoText } from '../system/errno.ts'
import { readSysctl } from '../system/sysctl.ts'

/** IPPROTO_… */
const protocolNumbers: Readonly<Record<Protocol, number>> = { tcp: 6, udp: 17, sctp: 132 }

/**
 * All that the steps speak of in as few walks as possible: one for a host with few flows.
 *
 * @throws TSNET_KERNEL_FEATURE_MISSING (unsupported) where the kernel cannot tell flows,
 *   TSNET_NOT_PERMITTED (forbidden), TSNET_STEP_FAILED (internal)
 */
export async function flushFlows(steps: readonly ConntrackStep[]): Promise<void> {
  // No such key: nothing has asked this kernel to track flows yet.
  const tracked = Number(readSysctl('net/netfilter/nf_conntrack_count') ?? 0)
  if (tracked === 0) return
  const few = tracked <= fewFlows
  const socket = openSocket(few ? openFlowSocket : openNetfilterSocket)
  try {
    // Read once, however many ports there are.
    const own = steps.some((step) => givenAddress(step) === undefined) ? await ownAddresses() : noAddresses
    const matchers = steps.map((step) => matcherOf(step, own))
    const isOurs = (flow: Flow): boolean => matchers.some((matches) => matches(flow))
    const flows = new Map<string, Flow>()
    const filters = few ? [undefined] : steps.flatMap(filtersFor)
    for (const filter of filters) {
      for (const flow of await flowsOf(socket, filter)) if (isOurs(flow)) flows.set(keyOf(flow), flow)
    }
    if (flows.size === 0) return
    const replies = await socket.batch([...flows.values()].map(flowDelete))
    const failed = replies.find(({ errno }) => errno !== 0 && errno !== ENOENT)
    if (failed !== undefined) throw refused('deleting a tracked flow', failed.errno)
  } finally {
    socket.close()
  }
}

/**
 * Forgets one flow, of ours, exactly; nothing where this host tracks none.
 *
 * @throws as {@link flushFlows}
 */
export async function forgetFlow({
  protocol,
  source,
  destination,
}: {
  /** IP protocol number. */
  readonly protocol: number
  readonly source: FlowEnd
  readonly destination: FlowEnd
}): Promise<void> {
  if (Number(readSysctl('net/netfilter/nf_conntrack_count') ?? 0) === 0) return
  const socket = openSocket(openNetfilterSocket)
  try {
    const family = familyOf(destination.address)
    const received = await socket.dump(
      flowsRequest({ family, protocol, direction: 'original', ...destination }),
    )
    const ours = received.flatMap((message) => {
      const { original } = decodeFlowFact(message) ?? {}
      const same =
        original?.sourcePort === source.port &&
        original.source === source.address &&
        original.destinationPort === destination.port &&
        original.destination === destination.address
      const flow = same ? decodeFlow(message) : undefined
      return flow === undefined ? [] : [flow]
    })
    if (ours.length > 0) await socket.batch(ours.map(flowDelete))
  } finally {
    socket.close()
  }
}

/** Each dump walks the whole hash table, 4 ms for its usual 262144 buckets: few flows are all looked at in one. */
const fewFlows = 1000

function filtersFor(step: ConntrackStep): readonly FlowFilter[] {
  const all = { family: familyOf(step.containerAddress), protocol: protocolNumbers[step.protocol] }
  const address = givenAddress(step)
  const single = step.count === 1
  return [
    {
      ...all,
      direction: 'original',
      ...(address === undefined ? {} : { address }),
      ...(single ? { port: step.hostPort } : {}),
    },
    {
      ...all,
      direction: 'reply',
      address: step.containerAddress,
      ...(single ? { port: step.containerPort } : {}),
    },
  ]
}

const noAddresses: ReadonlySet<Address> = new Set()

function matcherOf(step: ConntrackStep, ownAddresses: ReadonlySet<Address>): (flow: Flow) => boolean {
  const protocol = protocolNumbers[step.protocol]
  const family = familyOf(step.containerAddress)
  const given = givenAddress(step)
  const own = given === undefined ? ownAddresses : new Set([given])
  const isHost = (address: Address): boolean =>
    own.has(address) || (given === undefined && isLoopback(address))
  const within = ({ port }: FlowEnd, first: number): boolean => first <= port && port < first + step.count
  return (flow) =>
    flow.protocol === protocol &&
    flow.family === family &&
    ((isHost(flow.originalDestination.address) && within(flow.originalDestination, step.hostPort)) ||
      (flow.replySource.address === step.containerAddress && within(flow.replySource, step.containerPort)))
}

function givenAddress({ hostAddress }: ConntrackStep): Address | undefined {
  return hostAddress === undefined || isUnspecified(hostAddress) ? undefined : hostAddress
}

/** Not from os.networkInterfaces(): that leaves out links without carrier. */
async function ownAddresses(): Promise<ReadonlySet<Address>> {
  const socket = openRouteSocket()
  try {
    const addresses = decodeAddresses(await socket.dump(addrList()))
    return new Set(addresses.map(({ cidr }) => addressOf(cidr)))
  } finally {
    socket.close()
  }
}

async function flowsOf(socket: RouteSocket, filter: FlowFilter | undefined): Promise<Flow[]> {
  try {
    const received = await socket.dumpAside(flowsRequest(filter))
    return received.map(decodeFlow).filter((flow) => flow !== undefined)
  } catch (error) {
    const errno = errnoOf(error)
    if (errno === undefined) throw error
    throw refused('listing tracked flows', errno)
  }
}

/** A dump for whoever decodes it: none where nothing has asked this kernel to track flows yet. */
export async function readNetfilterFlows(request: Message): Promise<readonly Received[]> {
  if (Number(readSysctl('net/netfilter/nf_conntrack_count') ?? 0) === 0) return []
  const socket = openSocket(openNetfilterSocket)
  try {
    return await socket.dump(request)
  } catch (error) {
    const errno = errnoOf(error)
    if (errno === undefined) throw error
    throw refused('listing tracked flows', errno)
  } finally {
    socket.close()
  }
}

function keyOf(flow: Flow): string {
  return flow.name.map(({ value }) => Buffer.from(value as Uint8Array).toString('hex')).join(' ')
}

function openSocket(open: () => RouteSocket): RouteSocket {
  try {
    return open()
  } catch (error) {
    throw refused('opening a netfilter socket', errnoOf(error) ?? 0)
  }
}

function refused(doing: string, errno: number): Error {
  const message = `${doing}: ${errnoText(errno)}`
  if (errno === EPERM)
    return fail('TSNET_NOT_PERMITTED', { message, hint: 'run as root, with CAP_NET_ADMIN' })
  // nfnetlink answers EINVAL for a subsystem nobody has registered.
  if ([EINVAL, EOPNOTSUPP, EPROTONOSUPPORT].includes(errno)) {
    return fail('TSNET_KERNEL_FEATURE_MISSING', {
      message: `${message}: the kernel lacks CONFIG_NF_CT_NETLINK`,
      hint: 'modprobe nf_conntrack_netlink',
    })
  }
  return fail('TSNET_STEP_FAILED', { message })
}
