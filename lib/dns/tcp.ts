/**
 * DNS over TCP: many questions on one connection, answered as they are ready.
 *
 * Each client has its own limits (questions under way, unread answers, idle
 * time, connections), so that one that is slow, idle or greedy costs the others
 * nothing.
 *
 * @see RFC 7766
 * @module
 */

import { createServer, type Server, type Socket } from 'node:net'
import { HEADER_BYTES } from './wire.ts'

/** @returns undefined where the message gets no reply: the connection is closed */
export type Answerer = (message: Buffer, askerAddress: string) => Promise<Buffer | undefined>

export interface TcpLimits {
  readonly idleMs: number
  readonly connections: number
  readonly connectionsPerClient: number
  readonly questionsUnderWay: number
  readonly unreadBytes: number
}

const defaults: TcpLimits = {
  idleMs: 10_000,
  connections: 4000,
  connectionsPerClient: 200,
  questionsUnderWay: 200,
  unreadBytes: 256 * 1024,
}

/** A server for connections that come in on a listening descriptor. */
export function serveTcp(answer: Answerer, limits: TcpLimits = defaults): Server {
  const perClient = new Map<string, number>()
  const server = createServer((socket) => {
    const asker = socket.remoteAddress ?? ''
    const count = (perClient.get(asker) ?? 0) + 1
    if (count > limits.connectionsPerClient) {
      socket.destroy()
      return
    }
    perClient.set(asker, count)
    socket.once('close', () => {
      const left = (perClient.get(asker) ?? 1) - 1
      if (left === 0) perClient.delete(asker)
      else perClient.set(asker, left)
    })
    converse(socket, (message) => answer(message, asker), limits)
  })
  server.maxConnections = limits.connections
  // Out of descriptors, or a client gone before it was accepted: the listener stays.
  server.on('error', () => undefined)
  return server
}

function converse(
  socket: Socket,
  answer: (message: Buffer) => Promise<Buffer | undefined>,
  limits: TcpLimits,
): void {
  let received: Buffer = Buffer.alloc(0)
  let underWay = 0
  socket.setNoDelay(true)
  socket.setTimeout(limits.idleMs, () => {
    // A question under way is not idleness, unread answers are.
    if (underWay === 0 || socket.writableLength > 0) socket.destroy()
    else socket.setTimeout(limits.idleMs)
  })
  socket.on('error', () => socket.destroy())
  const crowded = (): boolean =>
    underWay >= limits.questionsUnderWay || socket.writableLength > limits.unreadBytes
  const proceed = (): void => {
    let at = 0
    while (!crowded() && received.length - at >= 2) {
      const length = received.readUInt16BE(at)
      if (length < HEADER_BYTES) {
        socket.destroy()
        return
      }
      if (received.length - at < 2 + length) break
      ask(received.subarray(at + 2, at + 2 + length))
      at += 2 + length
    }
    if (at > 0) received = Buffer.from(received.subarray(at))
    if (crowded()) socket.pause()
    else socket.resume()
  }
  const ask = (message: Buffer): void => {
    underWay++
    // The receive buffer moves on while the answer is being made.
    answer(Buffer.from(message)).then(
      (reply) => {
        underWay--
        if (reply === undefined) socket.destroy()
        else if (!socket.destroyed) send(reply)
        proceed()
      },
      () => socket.destroy(),
    )
  }
  const send = (reply: Buffer): void => {
    const length = Buffer.allocUnsafe(2)
    length.writeUInt16BE(reply.length, 0)
    socket.cork()
    socket.write(length)
    socket.write(reply)
    socket.uncork()
  }
  socket.on('drain', proceed)
  socket.on('data', (chunk) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk])
    proceed()
  })
}
