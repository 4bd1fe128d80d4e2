/**
 * The running name server, as the engine deals with it: told of containers,
 * started when there is none, its files cleared away when it has ended.
 *
 * What it serves is never read back from it: whoever starts it tells it all
 * from the records, so a killed one costs nothing but the time until the next
 * change.
 *
 * @module
 */

import { readFileSync } from 'node:fs'
import { askNameServer } from '../dns/client.ts'
import type { Contents, Fault, Request, Response } from '../dns/control.ts'
import type { ZoneContainer, ZoneNetwork } from '../dns/zone-contents.ts'
import { fail } from '../errors/codes.ts'
import type { PortHolder } from '../kernel/kernel.ts'
import type { Address } from '../model/address.ts'
import { fileExists, makeFolder, removeFile } from '../state/files.ts'
import type { LockHandle } from '../state/lock.ts'

export interface NameService {
  /**
   * The names of the container answer when this returns.
   *
   * @param others what else there is to serve; asked for only when the server has to be started
   * @throws TSNET_PORT_IN_USE (conflict) where another name server has the port
   * @throws TSNET_PROGRAM_FAILED (internal) where the server does not start
   */
  put(container: ZoneContainer, networks: readonly ZoneNetwork[], others: () => Contents): Promise<void>
  /** The names are gone when this returns, and with the last of all the server itself. */
  drop(id: string): Promise<void>
  /** Starts a server that has died. @returns whether it had */
  revive(contents: () => Contents): Promise<boolean>
  /** A question to the server; undefined where none runs. */
  ask(request: Request): Promise<Response | undefined>
}

export interface NameServiceOptions {
  readonly socketPath: string
  readonly logPath: string
  /** The folder both are in. */
  readonly folder: string
  readonly lock: () => Promise<LockHandle>
  readonly start: (place: { readonly socketPath: string; readonly logPath: string }) => void
  readonly portHolder: (
    protocol: 'udp' | 'tcp',
    address: Address,
    port: number,
  ) => Promise<PortHolder | undefined>
}

/** Far more than a loaded machine needs to start Node. */
const ANSWER_MS = 20_000
/** Each is lost only to a drop that falls into the moment between load and put. */
const MOST_STARTS = 5

export function createNameService(options: NameServiceOptions): NameService {
  const { socketPath, logPath, folder } = options
  const ask = (request: Request): Promise<Response | undefined> =>
    fileExists(socketPath) ? askNameServer(socketPath, request, ANSWER_MS) : Promise.resolve(undefined)

  const locked = async <T>(work: () => Promise<T>): Promise<T> => {
    const lock = await options.lock()
    try {
      return await work()
    } finally {
      lock.release()
    }
  }

  const clear = (): void => {
    removeFile(socketPath)
    removeFile(logPath)
  }

  /** Under the lock. The socket is there before the records are read: whoever withdraws after that finds it. */
  const start = async (contents: () => Contents): Promise<void> => {
    makeFolder(folder)
    options.start({ socketPath, logPath })
    if ((await ask({ op: 'load', ...contents() }))?.ok === true) return
    const log = readLog(logPath)
    clear()
    throw fail('TSNET_PROGRAM_FAILED', {
      message: `starting the name server: it ended at once${log === '' ? '' : `: ${log}`}`,
      hint: 'switch names off with "dns": false in /etc/tsnet/config.json until the cause is mended',
    })
  }

  const putStarting = async (request: Request, others: () => Contents): Promise<Response | undefined> =>
    locked(async () => {
      // Somebody else may have started one meanwhile; and one just started ends again when the
      // last container it was told of is dropped, which nobody needs this lock for.
      for (let starts = 0; ; starts++) {
        const response = await ask(request)
        if (response !== undefined || starts === MOST_STARTS) return response
        await start(others)
      }
    })

  const clearEnded = (): Promise<void> =>
    locked(async () => {
      if ((await ask({ op: 'status' })) === undefined) clear()
    })

  return {
    ask,
    put: async (container, networks, others) => {
      const request: Request = { op: 'put', container, networks }
      const response = (await ask(request)) ?? (await putStarting(request, others))
      if (response?.ok === true) return
      if (response?.ended === true) await clearEnded()
      throw await errorOf(response?.fault, options)
    },
    drop: async (id) => {
      if (!fileExists(socketPath)) return
      const response = await ask({ op: 'drop', id })
      // No answer: it has died, or ends just now; a new one reads the records, and this is in none.
      if (response === undefined || response.ended === true) await clearEnded()
    },
    revive: async (contents) => {
      if ((await ask({ op: 'status' })) !== undefined) return false
      return locked(async () => {
        if ((await ask({ op: 'status' })) !== undefined) return false
        const wanted = contents()
        if (wanted.containers.length === 0) clear()
        else await start(() => wanted)
        return wanted.containers.length > 0
      })
    },
  }
}

function readLog(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim().split('\n').slice(0, 3).join(' ')
  } catch {
    return ''
  }
}

async function errorOf(fault: Fault | undefined, { portHolder }: NameServiceOptions): Promise<Error> {
  if (fault === undefined) {
    return fail('TSNET_PROGRAM_FAILED', {
      message: 'telling the name server: it ended before it answered',
      hint: 'try again',
    })
  }
  const { address, port } = fault
  if (fault.kind !== 'portInUse' || address === undefined || port === undefined) {
    return fail('TSNET_PROGRAM_FAILED', { message: `telling the name server: ${fault.message}` })
  }
  const holder =
    (await portHolder('udp', address, port).catch(() => undefined)) ??
    (await portHolder('tcp', address, port).catch(() => undefined))
  const who =
    holder?.pid === undefined ? 'another program' : `${holder.program ?? 'a program'} (pid ${holder.pid})`
  return fail('TSNET_PORT_IN_USE', {
    message: `serving names on ${address} port ${port}: ${who} has that port`,
    field: 'dns',
    value: `${address}:${port}`,
    hint:
      `keep it off ${address} (dnsmasq: bind-interfaces and except-interface), see ss -lnp 'sport = :${port}'; ` +
      'or take another port: network create -o dns-port=5300, or "dnsPort": 5300 in /etc/tsnet/config.json; ' +
      'or do without names: -o dns=false, or "dns": false',
  })
}
