/**
 * The daemon's socket: takes connections and gives each to its conversation.
 *
 * Not responsible for when the process begins and ends (run.ts).
 *
 * @module
 */

import { createServer, type Server, type Socket } from 'node:net'
import { beatMs, kinds } from './api.ts'
import { answerHello, type EngineConversation } from './enginecalls.ts'
import { encodeFrame, type Frame, frameReader } from './frames.ts'
import { beginsLikeHttp, type MetricsDoor } from './metricsdoor.ts'
import { answerInvocation, type Conversation } from './programcall.ts'
import type { Service } from './service.ts'

export interface DaemonServer {
  readonly server: Server
  /** Open connections, whoever waits for whom. */
  connections(): number
  /** Clients without a call in the air are sent away. */
  hangUp(): void
}

/** Beats for all conversations that ask for them. */
export interface Heart {
  readonly onBeat: Service['onBeat']
  readonly beat: Service['beat']
  stop(): void
}

export function startHeart(): Heart {
  const beats = new Set<() => void>()
  const all = (): void => {
    for (const beat of beats) beat()
  }
  const timer = setInterval(all, beatMs)
  timer.unref()
  return {
    onBeat: (beat) => {
      beats.add(beat)
      return () => void beats.delete(beat)
    },
    beat: all,
    stop: () => clearInterval(timer),
  }
}

export function serveConnections(service: Service, metrics: MetricsDoor): DaemonServer {
  const connections = new Map<Socket, () => boolean>()
  const server = createServer((socket) => {
    const conversation = converse(socket, service, metrics)
    connections.set(socket, conversation.idle)
    socket.on('error', (error) => service.log.write('debug', 'connection lost', { error: error.message }))
    socket.on('close', () => {
      connections.delete(socket)
      conversation.gone()
    })
  })
  return {
    server,
    connections: () => connections.size,
    hangUp: () => {
      for (const [socket, idle] of connections) if (idle()) socket.end()
    },
  }
}

/** The first frame says who calls; the rest belongs to that conversation. */
function converse(
  socket: Socket,
  service: Service,
  metrics: MetricsDoor,
): { readonly gone: () => void; readonly idle: () => boolean } {
  let program: Conversation | undefined
  let engine: EngineConversation | undefined
  const read = ({ kind, payload }: Frame): void => {
    if (kind === kinds.invoke && program === undefined) program = answerInvocation(socket, payload, service)
    else if (kind === kinds.signal) program?.signal(payload[0] ?? 0)
    else if (kind === kinds.hello && engine === undefined)
      engine = answerHello(socket, payload.toString(), service)
    else if (kind === kinds.call) engine?.call(payload.toString())
    else if (kind === kinds.abort) engine?.abort(payload.toString())
    else if (kind === kinds.status) socket.end(encodeFrame(kinds.status, JSON.stringify(service.status())))
    else socket.destroy()
  }
  const guarded = (frame: Frame): void => {
    try {
      read(frame)
    } catch (error) {
      // Nonsense of one caller is its own trouble.
      service.log.write('warn', 'a frame that cannot be read', { error: String(error) })
      socket.destroy()
    }
  }
  const frames = frameReader(guarded, () => socket.destroy())
  let begun = false
  socket.on('data', (piece: Buffer) => {
    if (!begun && beginsLikeHttp(piece)) metrics.serve(socket, piece)
    else frames(piece)
    begun = true
  })
  return {
    gone: () => {
      program?.gone()
      engine?.gone()
    },
    idle: () => program === undefined && (engine?.pending() ?? 0) === 0,
  }
}
