/**
 * One question to one other server, over UDP or TCP.
 *
 * UDP sockets are connected, so that the kernel drops packets of anybody else
 * and tells us when nobody listens there; there are several for each server,
 * replaced after some use, because a forger has to guess port and id both
 * (RFC 5452). Not responsible for which server is asked, and when (forward.ts).
 *
 * @module
 */

import { randomInt } from 'node:crypto'
import { createSocket, type Socket } from 'node:dgram'
import { connect } from 'node:net'
import { type Address, familyOf } from '../model/address.ts'
import { DNS_PORT } from '../model/network.ts'
import { answers } from './reply.ts'

export interface Upstreams {
  /**
   * @param message its id is replaced by one of ours
   * @returns undefined where no answer came in time, or nobody listens there
   */
  askUdp(
    server: Address,
    message: Buffer,
    questionEnd: number,
    timeoutMs: number,
  ): Promise<Buffer | undefined>
  askTcp(
    server: Address,
    message: Buffer,
    questionEnd: number,
    timeoutMs: number,
  ): Promise<Buffer | undefined>
  close(): void
}

/** Sockets for each server, made as the load needs them. */
const MAX_SOCKETS = 16
/** Questions under way on one socket before another is opened. */
const CROWDED = 256
/** Questions after which a socket makes room for one with another port. */
const WORN_OUT = 5000
/** Connections to all servers at a time; more wait. */
const MAX_CONNECTIONS = 256

interface Waiting {
  readonly message: Buffer
  readonly questionEnd: number
  settle(reply: Buffer | undefined): void
}

interface Line {
  readonly socket: Socket
  readonly ready: Promise<boolean>
  readonly waiting: Map<number, Waiting>
  used: number
}

export function createUpstreams(port: number = DNS_PORT): Upstreams {
  const lines = new Map<Address, Line[]>()
  let connections = 0
  const queue: (() => void)[] = []

  const openLine = (server: Address): Line => {
    const socket = createSocket({ type: familyOf(server) === 4 ? 'udp4' : 'udp6', recvBufferSize: 1 << 20 })
    const waiting = new Map<number, Waiting>()
    const giveUp = (): void => {
      for (const { settle } of waiting.values()) settle(undefined)
    }
    const ready = new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true))
      socket.on('error', () => {
        // Nobody listens there, or there is no way: which question it was about is not said.
        giveUp()
        resolve(false)
      })
    })
    socket.on('message', (reply) => {
      const asked = reply.length < 2 ? undefined : waiting.get(reply.readUInt16BE(0))
      if (asked !== undefined && answers(reply, asked.message, asked.questionEnd)) asked.settle(reply)
    })
    socket.connect(port, server)
    return { socket, ready, waiting, used: 0 }
  }

  /** Who has its last answer closes it: between being chosen and asked a question waits for nothing yet. */
  const retire = (server: Address, line: Line): void => {
    const all = lines.get(server) ?? []
    const i = all.indexOf(line)
    if (i !== -1) all.splice(i, 1)
  }

  const lineTo = (server: Address): Line => {
    let all = lines.get(server)
    if (all === undefined) {
      all = []
      lines.set(server, all)
    }
    const free = all.filter(({ waiting }) => waiting.size < CROWDED)
    let line = free[free.length < 2 ? 0 : randomInt(free.length)]
    if (line === undefined || (all.length < 4 && line.waiting.size > 0)) {
      if (all.length < MAX_SOCKETS) {
        line = openLine(server)
        all.push(line)
      } else line ??= all[randomInt(all.length)] as Line
    }
    if (++line.used >= WORN_OUT) retire(server, line)
    return line
  }

  const askUdp: Upstreams['askUdp'] = async (server, message, questionEnd, timeoutMs) => {
    const line = lineTo(server)
    if (!(await line.ready)) {
      retire(server, line)
      closeQuietly(line.socket)
      return undefined
    }
    let id = randomInt(0x10000)
    while (line.waiting.has(id)) id = (id + 1) & 0xffff
    return new Promise((resolve) => {
      const settle = (reply: Buffer | undefined): void => {
        clearTimeout(timer)
        line.waiting.delete(id)
        if (line.used >= WORN_OUT && line.waiting.size === 0) closeQuietly(line.socket)
        resolve(reply)
      }
      const timer = setTimeout(settle, timeoutMs, undefined)
      line.waiting.set(id, { message, questionEnd, settle })
      message.writeUInt16BE(id, 0)
      line.socket.send(message, (error) => {
        if (error) settle(undefined)
      })
    })
  }

  const askTcp: Upstreams['askTcp'] = async (server, message, questionEnd, timeoutMs) => {
    if (connections >= MAX_CONNECTIONS) await new Promise<void>((resolve) => void queue.push(resolve))
    connections++
    try {
      return await askOnce(server, port, message, questionEnd, timeoutMs)
    } finally {
      connections--
      queue.shift()?.()
    }
  }

  return {
    askUdp,
    askTcp,
    close: () => {
      for (const line of [...lines.values()].flat()) closeQuietly(line.socket)
      lines.clear()
    },
  }
}

function closeQuietly(socket: Socket): void {
  try {
    socket.close()
  } catch {
    // Closed before.
  }
}

function askOnce(
  server: Address,
  port: number,
  message: Buffer,
  questionEnd: number,
  timeoutMs: number,
): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host: server, port })
    const settle = (reply: Buffer | undefined): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(reply)
    }
    const timer = setTimeout(settle, timeoutMs, undefined)
    let received = Buffer.alloc(0)
    message.writeUInt16BE(randomInt(0x10000), 0)
    socket.on('error', () => settle(undefined))
    socket.on('close', () => settle(undefined))
    socket.on('connect', () => socket.write(framed(message)))
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk])
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return
      const reply = received.subarray(2, 2 + received.readUInt16BE(0))
      const ours = reply.length >= 2 && reply.readUInt16BE(0) === message.readUInt16BE(0)
      settle(ours && answers(reply, message, questionEnd) ? reply : undefined)
    })
  })
}

/** A message as it travels over TCP: its length before it. */
function framed(message: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(message.length + 2)
  frame.writeUInt16BE(message.length, 0)
  message.copy(frame, 2)
  return frame
}
