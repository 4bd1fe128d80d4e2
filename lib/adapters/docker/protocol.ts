/**
 * Docker's plugin protocol: from a path and a body to a status and an answer.
 *
 * dockerd waits for an answer without limit, calls one driver at a time, and
 * takes a removal for done whatever is answered. So every call has a deadline:
 * what makes something is given up then and taken back; what removes something
 * is answered, and finished later, again and again if need be.
 *
 * @see https://docs.docker.com/engine/extend/plugin_api/
 * @module
 */

import type { Ledger, RemoteEngine } from '../../engine/remote.ts'
import { asTsnetError, fail } from '../../errors/codes.ts'
import { parseJson } from '../../model/json.ts'
import { createEndpoint, join, operInfo, publishPorts } from './endpoints.ts'
import { addressSpaces, releaseAddress, requestAddress, requestPool } from './ipam.ts'
import { decoders } from './messages.ts'
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
  /** Default 5000. */
  readonly deadlineMs?: number
}

export const longestBodyBytes: number = 4 * 1024 * 1024

/** Waiting for others ends after 0.7 s, with the locks; this is for a host that is too busy for our own work. */
const defaultDeadlineMs = 5000
const againMs = 2000
const tries = 30

interface Method {
  readonly kind: 'tells' | 'makes' | 'removes'
  run(json: unknown, signal: AbortSignal): Promise<object>
}

/** Never throws: an answer to everything. */
export function createProtocol(parts: ProtocolParts): Protocol {
  const { engine, documents, changed, deadlineMs = defaultDeadlineMs } = parts
  const methods = methodsOf({ engine, documents })
  let owed = 0

  /** Docker has forgotten it already: whoever else should do it? */
  const finishLater = async (work: () => Promise<unknown>): Promise<void> => {
    owed++
    try {
      for (let left = tries; left > 0; left--) {
        await new Promise((resolve) => setTimeout(resolve, againMs).unref())
        const done = await work().then(
          () => true,
          () => false,
        )
        if (done) return
      }
    } finally {
      owed--
      changed()
    }
  }

  const run = async ({ kind, run: work }: Method, json: unknown): Promise<object> => {
    const controller = new AbortController()
    const running = work(json, controller.signal)
    if (kind === 'tells') return running
    const inTime = await withinTime(running, deadlineMs)
    if (inTime !== undefined) return inTime
    if (kind === 'removes') {
      running.catch(() => finishLater(() => work(json, new AbortController().signal)))
      return {}
    }
    controller.abort()
    throw fail('TSNET_LOCK_TIMEOUT', {
      message: `this host was too busy to do it within ${deadlineMs} ms, and it was taken back`,
      hint: 'try again',
    })
  }

  return {
    owed: () => owed,
    answer: async (path, body) => {
      const method = methods[path]
      const isIpam = path.startsWith('/IpamDriver.')
      if (method === undefined) {
        return { status: 404, body: { Err: `tsnet has no method ${path.slice(1, 100)}` }, code: 'NO_METHOD' }
      }
      let json: unknown
      try {
        if (body === undefined) throw tooLong(path)
        json = body.trim() === '' ? {} : parseJson(body, path.slice(1))
        const reply = await run(method, json)
        if (method.kind !== 'tells') changed()
        return { status: 200, body: reply }
      } catch (error) {
        const { code, kind, message, hint } = asTsnetError(error)
        const text = `tsnet: ${message}${hint === undefined ? '' : ` (${hint})`}`
        if (method.kind === 'removes' && kind !== 'invalid') {
          void finishLater(() => method.run(json, new AbortController().signal))
        }
        // Docker's two protocols have two words for it.
        return { status: 200, body: isIpam ? { Error: text, Err: text } : { Err: text }, code }
      }
    },
  }
}

/** @returns undefined where it has not ended by then; it goes on */
async function withinTime<T>(running: Promise<T>, limitMs: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), limitMs)
  })
  try {
    const first = await Promise.race([running, late])
    // What fails later has nobody to tell.
    running.catch(() => undefined)
    return first
  } finally {
    clearTimeout(timer)
  }
}

function tooLong(path: string): Error {
  return fail('TSNET_BAD_VALUE', {
    message: `reading ${path.slice(1)}: it is longer than ${longestBodyBytes} bytes`,
    field: 'the document',
    hint: 'this is no call of Docker’s',
  })
}

function method<T>(
  kind: Method['kind'],
  decode: (json: unknown, path: string) => T,
  run: (call: T, signal: AbortSignal) => unknown,
): Method {
  return { kind, run: async (json, signal) => ((await run(decode(json, ''), signal)) ?? {}) as object }
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
    '/NetworkDriver.CreateNetwork': method('makes', decoders.createNetwork, (call, signal) =>
      createNetwork(networks, call, signal),
    ),
    '/NetworkDriver.DeleteNetwork': method('removes', decoders.network, ({ NetworkID }) =>
      deleteNetwork(networks, NetworkID),
    ),
    '/NetworkDriver.CreateEndpoint': method('makes', decoders.createEndpoint, (call, signal) =>
      createEndpoint(networks, call, signal),
    ),
    '/NetworkDriver.DeleteEndpoint': method('removes', decoders.endpoint, ({ EndpointID }) =>
      ends.remove(EndpointID),
    ),
    '/NetworkDriver.EndpointOperInfo': method('tells', decoders.endpoint, ({ NetworkID, EndpointID }) =>
      operInfo(networks, NetworkID, EndpointID),
    ),
    '/NetworkDriver.Join': method('makes', decoders.join, (call) => join(networks, call)),
    // The pair goes with the endpoint: until then Docker may carry its end back and forth.
    '/NetworkDriver.Leave': method('removes', decoders.endpoint, () => ({})),
    '/NetworkDriver.ProgramExternalConnectivity': method('makes', decoders.external, (call) =>
      publishPorts(networks, call),
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
    '/IpamDriver.RequestPool': method('makes', decoders.requestPool, (call) => requestPool(engine, call)),
    '/IpamDriver.ReleasePool': method('removes', decoders.pool, ({ PoolID }) => pools.release(PoolID)),
    '/IpamDriver.RequestAddress': method('makes', decoders.requestAddress, (call) =>
      requestAddress(engine, call),
    ),
    '/IpamDriver.ReleaseAddress': method('removes', decoders.releaseAddress, (call) =>
      releaseAddress(engine, call),
    ),
  }
}
