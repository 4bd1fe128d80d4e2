/**
 * Docker's plugin protocol: from a path and a body to a status and an answer.
 *
 * dockerd waits for an answer without limit, calls one driver at a time, and
 * takes a removal for done whatever is answered: so every call has a deadline
 * (`deadline.ts`).
 *
 * @see https://docs.docker.com/engine/extend/plugin_api/
 * @module
 */

import type { Ledger, RemoteEngine } from '../../engine/endpoint/remote.ts'
import { asTsnetError, fail } from '../../errors/codes.ts'
import { addressOf, type Cidr } from '../../model/address.ts'
import { parseJson } from '../../model/json.ts'
import { createDeadline, deadlineMs } from './deadline.ts'
import { createEndpoint, join, operInfo, publishPorts } from './endpoints.ts'
import {
  type AddressReply,
  addressSpaces,
  type PoolReply,
  releaseAddress,
  requestAddress,
  requestPool,
} from './ipam.ts'
import { decoders, type EndpointCall } from './messages.ts'
import { createNetwork, deleteNetwork, type NetworkDocument, type Networks } from './networks.ts'
import { needsNoGateway } from './options.ts'

export interface Answer {
  readonly status: number
  readonly body: object
  /** An error's code, for the log. */
  readonly code?: string
}

export interface Protocol {
  /** @param body undefined where it was longer than {@link longestBodyBytes} */
  answer(path: string, body: string | undefined): Promise<Answer>
  /** What was answered and is not finished. */
  owed(): number
}

export interface ProtocolParts {
  readonly engine: RemoteEngine
  readonly documents: Ledger<NetworkDocument>
  /** Something has come or gone. */
  readonly changed: () => void
  /** Of each call. */
  readonly limitMs?: number
}

const longestText = 250

export const longestBodyBytes: number = 4 * 1024 * 1024

/** A call that has been read. */
interface Call {
  /** The id its repeats and its inverse name too, and addresses that whoever comes next may have been given. */
  readonly about: readonly string[]
  run(signal: AbortSignal): Promise<object>
  undo?(made: object): Promise<unknown>
}

interface Method {
  /** `forgets`: answered before it is done. */
  readonly kind: 'tells' | 'makes' | 'removes' | 'forgets'
  /** @throws TSNET_BAD_JSON, TSNET_BAD_VALUE (invalid) */
  read(json: unknown): Call
}

/** Never throws: an answer to everything. */
export function createProtocol(parts: ProtocolParts): Protocol {
  const { engine, documents, changed, limitMs = deadlineMs } = parts
  const methods = methodsOf({ engine, documents })
  const deadline = createDeadline(limitMs, changed)

  const carryOut = async (kind: Method['kind'], { about, run, undo }: Call): Promise<object> => {
    if (kind === 'forgets') {
      deadline.begin(about, () => run(new AbortController().signal))
      return {}
    }
    if (kind !== 'removes') return deadline.make(about, { run, ...(undo === undefined ? {} : { undo }) })
    await deadline.remove(about, () => run(new AbortController().signal))
    return {}
  }

  return {
    owed: deadline.owed,
    answer: async (path, body) => {
      const method = methods[path]
      const isIpam = path.startsWith('/IpamDriver.')
      if (method === undefined) {
        return { status: 404, body: { Err: `tsnet has no method ${path.slice(1, 100)}` }, code: 'NO_METHOD' }
      }
      try {
        if (body === undefined) throw tooLong(path)
        const call = method.read(body.trim() === '' ? {} : parseJson(body, path.slice(1)))
        const reply = await carryOut(method.kind, call)
        if (method.kind !== 'tells') changed()
        return { status: 200, body: reply }
      } catch (error) {
        const { code, message, hint } = asTsnetError(error)
        const text = `tsnet: ${cut(message)}${hint === undefined ? '' : ` (${cut(hint)})`}`
        // Docker's two protocols have two words for it.
        return { status: 200, body: isIpam ? { Error: text, Err: text } : { Err: text }, code }
      }
    },
  }
}

/** What is wrong may be a megabyte long; people read a line. */
function cut(text: string): string {
  const line = text.replaceAll('\n', ' ')
  return line.length <= longestText
    ? line
    : `${line.slice(0, longestText / 2)}…${line.slice(-longestText / 2)}`
}

function tooLong(path: string): Error {
  return fail('TSNET_BAD_VALUE', {
    message: `reading ${path.slice(1)}: it is longer than ${longestBodyBytes} bytes`,
    field: 'the document',
    hint: 'this is no call of Docker’s',
  })
}

/** How the work of a call that was given up is taken back, and who should wait for it. */
interface Details<T> {
  /** What else the call is about. */
  addresses?(call: T): readonly Cidr[]

  /** What a repeat of an earlier call finds is not its own. */
  isThere?(call: T): boolean
  undo?(call: T, made: object): Promise<unknown>
}

function method<T extends object>(
  kind: Method['kind'],
  decode: (json: unknown, path: string) => T,
  work: (call: T, signal: AbortSignal) => unknown,
  details: Details<T> = {},
): Method {
  return {
    kind,
    read: (json) => {
      const call = decode(json, '')
      let wasThere = false
      const { EndpointID, NetworkID } = call as Partial<EndpointCall>
      const id = EndpointID ?? NetworkID
      const addresses = details.addresses?.(call) ?? []
      const { undo } = details
      return {
        about: [...(id === undefined ? [] : [id]), ...addresses],
        run: async (signal) => {
          wasThere = details.isThere?.(call) ?? false
          return ((await work(call, signal)) ?? {}) as object
        },
        ...(undo === undefined ? {} : { undo: async (made) => (wasThere ? undefined : undo(call, made)) }),
      }
    },
  }
}

function methodsOf(networks: Networks): Readonly<Record<string, Method>> {
  const { engine } = networks
  const { ends, pools } = engine
  return {
    '/Plugin.Activate': method('tells', decoders.none, () => ({
      Implements: ['NetworkDriver', 'IpamDriver'],
    })),
    '/NetworkDriver.GetCapabilities': method('tells', decoders.none, () => ({
      Scope: 'local',
      ConnectivityScope: 'local',
      GwAllocChecker: true,
    })),
    '/NetworkDriver.GwAllocCheck': method('tells', decoders.gatewayCheck, ({ Options }) => {
      const skip = needsNoGateway(Options)
      return { SkipIPv4: skip, SkipIPv6: skip }
    }),
    '/NetworkDriver.CreateNetwork': method(
      'makes',
      decoders.createNetwork,
      (call, signal) => createNetwork(networks, call, signal),
      {
        isThere: ({ NetworkID }) => networks.documents.get(NetworkID) !== undefined,
        undo: ({ NetworkID }) => deleteNetwork(networks, NetworkID),
      },
    ),
    '/NetworkDriver.DeleteNetwork': method('removes', decoders.network, ({ NetworkID }) =>
      deleteNetwork(networks, NetworkID),
    ),
    '/NetworkDriver.CreateEndpoint': method(
      'makes',
      decoders.createEndpoint,
      (call, signal) => createEndpoint(networks, call, signal),
      {
        addresses: ({ Interface: { Address, AddressIPv6 } = {} }) =>
          [Address, AddressIPv6].filter((cidr) => cidr !== undefined),
        isThere: ({ EndpointID }) => ends.get(EndpointID) !== undefined,
        undo: ({ EndpointID }) => ends.remove(EndpointID),
      },
    ),
    '/NetworkDriver.DeleteEndpoint': method(
      'forgets',
      decoders.endpoint,
      ({ EndpointID }) => ends.remove(EndpointID),
      { addresses: ({ EndpointID }) => ends.get(EndpointID)?.attachment.addresses ?? [] },
    ),
    '/NetworkDriver.EndpointOperInfo': method('tells', decoders.endpoint, ({ NetworkID, EndpointID }) =>
      operInfo(networks, NetworkID, EndpointID),
    ),
    '/NetworkDriver.Join': method('makes', decoders.join, (call) => join(networks, call)),
    // The pair goes with the endpoint: until then Docker may carry its end back and forth.
    '/NetworkDriver.Leave': method('removes', decoders.endpoint, () => ({})),
    '/NetworkDriver.ProgramExternalConnectivity': method(
      'makes',
      decoders.external,
      (call) => publishPorts(networks, call),
      {
        isThere: ({ EndpointID }) => (ends.get(EndpointID)?.published.length ?? 0) > 0,
        undo: ({ EndpointID }) => ends.unpublish(EndpointID),
      },
    ),
    '/NetworkDriver.RevokeExternalConnectivity': method('removes', decoders.endpoint, ({ EndpointID }) =>
      ends.unpublish(EndpointID),
    ),
    '/NetworkDriver.DiscoverNew': method('tells', decoders.discovery, () => ({})),
    '/NetworkDriver.DiscoverDelete': method('tells', decoders.discovery, () => ({})),
    '/NetworkDriver.AllocateNetwork': method('tells', decoders.createNetwork, () => {
      throw fail('TSNET_NOT_SUPPORTED', {
        message: 'allocating a network for a swarm: networks of tsnet belong to one host',
        hint: 'leave --scope swarm out',
      })
    }),
    '/NetworkDriver.FreeNetwork': method('tells', decoders.network, () => ({})),
    '/IpamDriver.GetCapabilities': method('tells', decoders.none, () => ({
      RequiresMACAddress: false,
      RequiresRequestReplay: false,
    })),
    '/IpamDriver.GetDefaultAddressSpaces': method('tells', decoders.none, () => addressSpaces),
    '/IpamDriver.RequestPool': method('makes', decoders.requestPool, (call) => requestPool(engine, call), {
      undo: async (_call, made) => pools.release((made as PoolReply).PoolID),
    }),
    '/IpamDriver.ReleasePool': method('removes', decoders.pool, ({ PoolID }) => pools.release(PoolID)),
    '/IpamDriver.RequestAddress': method(
      'makes',
      decoders.requestAddress,
      (call) => requestAddress(engine, call),
      {
        undo: ({ PoolID }, made) =>
          releaseAddress(engine, { PoolID, Address: addressOf((made as AddressReply).Address) }),
      },
    ),
    '/IpamDriver.ReleaseAddress': method('removes', decoders.releaseAddress, (call) =>
      releaseAddress(engine, call),
    ),
  }
}
