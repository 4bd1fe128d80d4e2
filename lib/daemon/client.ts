/**
 * The daemon's client: one connection, several calls at a time.
 *
 * Every wait has a limit: a daemon that does not greet within `greetLimitMs` is
 * none, and one that says nothing for `silenceLimitMs` while it has work of ours
 * (it beats every two seconds) counts as gone.
 *
 * @module
 */

import { closeSync, openSync, readlinkSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { fail } from '../errors/codes.ts'
import {
  type CallOptions,
  type DaemonStatus,
  decodeError,
  type EngineAnswer,
  type EngineCall,
  type Hello,
  kinds,
  type Progress,
  protocolVersion,
} from './api.ts'
import { encodeFrame, type Frame, frameReader } from './frames.ts'
import { type DaemonPlace, notOpen, shortPath, whereabouts } from './place.ts'

const greetLimitMs = 5000
const silenceLimitMs = 30_000

/** What became of an attempt to connect. */
export type Reached =
  | { readonly kind: 'connected'; readonly connection: Connection }
  /** Nobody listens, or it is about to leave: another may be started. */
  | { readonly kind: 'absent' }
  /** One listens that may not, or will not, serve us. */
  | { readonly kind: 'declined'; readonly reason: string }
  /** What is there may not be asked by this user. */
  | { readonly kind: 'forbidden'; readonly error: Error }

export interface CallExtras {
  readonly options: CallOptions
  readonly signal?: AbortSignal
  readonly onStep?: (line: string) => void
  readonly onWarning?: (text: string) => void
  /** The namespace of the request, as the caller sees it; kept open while the call lasts. */
  readonly sandboxPath?: string
}

export interface Connection {
  /** @throws TSNET_DAEMON_GONE (busy) where nobody can say whether it was done */
  call(method: string, args: readonly unknown[], extras: CallExtras): Promise<unknown>
  isOpen(): boolean
  close(): void
}

/** Connects and shakes hands. */
export async function reachDaemon(place: DaemonPlace, version: string): Promise<Reached> {
  const socket = await open(place)
  if (socket === undefined) return { kind: 'absent' }
  if (socket === 'forbidden') return { kind: 'forbidden', error: notOpen(place) }
  const hello: Hello = { protocol: protocolVersion, version, ...whereabouts() }
  const greeting = await ask(socket, encodeFrame(kinds.hello, JSON.stringify(hello)))
  if (greeting?.kind === kinds.hello) return { kind: 'connected', connection: converse(socket) }
  socket.destroy()
  if (greeting?.kind === kinds.decline) return { kind: 'declined', reason: greeting.payload.toString() }
  if (greeting === undefined) return { kind: 'declined', reason: `no greeting after ${greetLimitMs} ms` }
  return { kind: 'absent' }
}

/**
 * @returns undefined where no daemon listens
 * @throws TSNET_NOT_ROOT (forbidden) where this user may not see
 */
export async function askStatus(place: DaemonPlace): Promise<DaemonStatus | undefined> {
  const socket = await open(place)
  if (socket === undefined) return undefined
  if (socket === 'forbidden') throw notOpen(place)
  const answer = await ask(socket, encodeFrame(kinds.status))
  socket.destroy()
  return answer?.kind === kinds.status ? (JSON.parse(answer.payload.toString()) as DaemonStatus) : undefined
}

function open(place: DaemonPlace): Promise<Socket | 'forbidden' | undefined> {
  return new Promise((resolve) => {
    let short: ReturnType<typeof shortPath>
    try {
      short = shortPath(place.socket)
    } catch (error) {
      resolve((error as NodeJS.ErrnoException).code === 'EACCES' ? 'forbidden' : undefined)
      return
    }
    const socket = connect(short.path)
    const failed = (error: NodeJS.ErrnoException): void => {
      short[Symbol.dispose]()
      resolve(error.code === 'EACCES' ? 'forbidden' : undefined)
    }
    socket.once('error', failed)
    socket.once('connect', () => {
      short[Symbol.dispose]()
      // Whatever comes later is seen as the end of the connection.
      socket.off('error', failed).on('error', () => undefined)
      resolve(socket)
    })
  })
}

/** Sends one frame and waits for the first that comes back; undefined after the limit, `retire` at a hang-up. */
function ask(socket: Socket, frame: Buffer): Promise<Frame | undefined> {
  return new Promise((resolve) => {
    const end = (answer: Frame | undefined): void => {
      clearTimeout(timer)
      socket.removeAllListeners('data').removeAllListeners('close')
      resolve(answer)
    }
    // Once more around: where the process itself stood still, the answer may lie there unread.
    const timer = setTimeout(() => setImmediate(() => setImmediate(end, undefined)), greetLimitMs)
    const hungUp = (): void => end({ kind: kinds.retire, payload: Buffer.alloc(0) })
    socket.on('data', frameReader(end, hungUp))
    socket.on('close', hungUp)
    socket.write(frame)
  })
}

interface Waiting {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
  readonly onStep: ((line: string) => void) | undefined
  readonly onWarning: ((text: string) => void) | undefined
}

function converse(socket: Socket): Connection {
  const waiting = new Map<number, Waiting>()
  let nextId = 1
  let silence: NodeJS.Timeout | undefined
  const failAll = (why: string): void => {
    clearTimeout(silence)
    const error = fail('TSNET_DAEMON_GONE', {
      message: `waiting for tsnetd: ${why}`,
      hint: 'try again: what was not done has been taken back, or is with the next call',
    })
    for (const { reject } of waiting.values()) reject(error)
    waiting.clear()
  }
  const listenOn = (): void => {
    clearTimeout(silence)
    if (waiting.size === 0) {
      socket.unref()
      return
    }
    silence = setTimeout(() => {
      failAll(`nothing heard for ${silenceLimitMs / 1000} s`)
      socket.destroy()
    }, silenceLimitMs)
  }
  const read = ({ kind, payload }: Frame): void => {
    if (kind === kinds.call) {
      const answer = JSON.parse(payload.toString()) as EngineAnswer
      const call = waiting.get(answer.id)
      waiting.delete(answer.id)
      if ('error' in answer) call?.reject(decodeError(answer.error))
      else call?.resolve(answer.value)
    } else if (kind === kinds.step) {
      const { id, line, warns } = JSON.parse(payload.toString()) as Progress
      const call = waiting.get(id)
      if (warns === true) call?.onWarning?.(line)
      else call?.onStep?.(line)
    }
    listenOn()
  }
  socket.on(
    'data',
    frameReader(read, () => socket.destroy()),
  )
  socket.on('close', () => failAll('the connection was lost'))
  socket.unref()
  return {
    isOpen: () => !socket.destroyed && socket.writable,
    close: () => void socket.end(),
    call: async (method, args, { options, signal, onStep, onWarning, sandboxPath }) => {
      const held = sandboxPath === undefined ? undefined : hold(sandboxPath)
      const id = nextId++
      const abort = (): void => void socket.write(encodeFrame(kinds.abort, JSON.stringify({ id })))
      try {
        return await new Promise<unknown>((resolve, reject) => {
          waiting.set(id, { resolve, reject, onStep, onWarning })
          socket.ref()
          const call: EngineCall = {
            ...{ id, method, args, options },
            ...(held === undefined ? {} : { sandbox: { path: held.path, openPath: held.openPath } }),
          }
          // Together: an abort that is on its way already must not come after the work.
          socket.cork()
          socket.write(encodeFrame(kinds.call, JSON.stringify(call)))
          if (signal?.aborted === true) abort()
          socket.uncork()
          listenOn()
          signal?.addEventListener('abort', abort)
          if (socket.destroyed) failAll('the connection was lost')
        })
      } finally {
        signal?.removeEventListener('abort', abort)
        if (held !== undefined) closeSync(held.fd)
      }
    },
  }
}

/** Our own view of the path: `/proc/self`, and a process that may end meanwhile. */
function hold(path: string): { fd: number; path: string; openPath: string } | undefined {
  try {
    const fd = openSync(path, 'r')
    return { fd, path, openPath: `/proc/${readlinkSync('/proc/self')}/fd/${fd}` }
  } catch {
    // The daemon finds the same and says what is wrong with it.
    return undefined
  }
}
