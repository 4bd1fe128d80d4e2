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

import { readFileSync, statSync } from 'node:fs'
import { askNameServer } from '../../dns/client.ts'
import type { Contents, Fault, Request, Response } from '../../dns/control.ts'
import type { ZoneContainer, ZoneNetwork } from '../../dns/zone-contents.ts'
import { fail } from '../../errors/codes.ts'
import type { PortHolder } from '../../kernel/kernel.ts'
import type { Address } from '../../model/address.ts'
import { fileExists, removeFile } from '../../state/files.ts'
import { makeFolder } from '../../state/folders.ts'
import type { LockHandle } from '../../state/lock.ts'

export interface NameService {
  /**
   * The names of the container answer when this returns.
   *
   * @param others what else there is to serve; asked for only when the server has to be started
   * @returns which server was told
   * @throws TSNET_PORT_IN_USE (conflict) where another name server has the port
   * @throws TSNET_PROGRAM_FAILED (internal) where the server does not start
   */
  put(container: ZoneContainer, networks: readonly ZoneNetwork[], others: () => Contents): Promise<string>
  /** Which server there is: another one that is started after it has another mark. */
  mark(): string
  /**
   * The names are gone when this returns, and with the last of all the server itself. One that has died is started
   * again for the others; where that fails, nothing is answered, which is what was asked for.
   */
  drop(id: string, others: () => Contents): Promise<void>
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
  /** @returns what ends it again */
  readonly start: (place: { readonly socketPath: string; readonly logPath: string }) => () => void
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
    const end = options.start({ socketPath, logPath })
    if ((await ask({ op: 'load', ...contents() }))?.ok === true) return
    const log = readLog(logPath)
    // It may live, and only not have been reached: nobody would ever end it.
    end()
    clear()
    throw fail('TSNET_PROGRAM_FAILED', {
      message: `starting the name server: it ended at once${log === '' ? '' : `: ${log}`}`,
      hint: 'switch names off with "dns": false in /etc/tsnet/config.json until the cause is mended',
    })
  }

  /** Each start makes a new socket. */
  const mark = (): string => {
    const { ino = 0, ctimeMs = 0 } = statSync(socketPath, { throwIfNoEntry: false }) ?? {}
    return `${ino} ${ctimeMs}`
  }

  /** The mark is read first: if it is wrong it is one too old, and costs one question more. */
  const tell = async (request: Request): Promise<Told> => ({ mark: mark(), response: await ask(request) })

  const tellStarting = async (request: Request, others: () => Contents): Promise<Told> =>
    locked(async () => {
      // Somebody else may have started one meanwhile; and one just started ends again when the
      // last container it was told of is dropped, which nobody needs this lock for.
      for (let starts = 0; ; starts++) {
        const told = await tell(request)
        if (told.response !== undefined || starts === MOST_STARTS) return told
        await start(others)
      }
    })

  const clearEnded = (): Promise<void> =>
    locked(async () => {
      if ((await ask({ op: 'status' })) === undefined) clear()
    })

  const revive = async (contents: () => Contents): Promise<boolean> => {
    if ((await ask({ op: 'status' })) !== undefined) return false
    return locked(async () => {
      if ((await ask({ op: 'status' })) !== undefined) return false
      const isWanted = contents().containers.length > 0
      if (isWanted) await start(contents)
      else clear()
      return isWanted
    })
  }

  return {
    ask,
    mark,
    put: async (container, networks, others) => {
      const request: Request = { op: 'put', container, networks }
      let told = await tell(request)
      if (told.response === undefined) told = await tellStarting(request, others)
      const { response } = told
      if (response?.ok === true) return told.mark
      if (response?.ended === true) await clearEnded()
      throw await errorOf(response?.fault, options)
    },
    drop: async (id, others) => {
      for (let tries = 0; fileExists(socketPath) && tries < MOST_STARTS; tries++) {
        const response = await ask({ op: 'drop', id })
        if (response?.ended === true) await clearEnded()
        if (response !== undefined) return
        // It has died, or ends just now. A new one of ours reads the records, and this is in none;
        // one that somebody else has started meanwhile may have read them before.
        if (await revive(others).catch(() => true)) return
      }
    },
    revive,
  }
}

interface Told {
  readonly mark: string
  readonly response: Response | undefined
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
