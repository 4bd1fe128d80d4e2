/**
 * TCP probe and server, run by the agent inside a namespace.
 *
 * @module
 */
import { connect, createServer, type Server, type Socket } from 'node:net'
import {
  type Answer,
  answerIn,
  type Detail,
  detailOfError,
  type Peer,
  type ProbeRequest,
  plainAddress,
  type ServeRequest,
  type Serving,
} from './messages.ts'
import { afterSilence } from './silence.ts'

/**
 * Connects and reads the server's answer.
 *
 * An open connection counts as reached also when the server says nothing
 * before the time is over: a foreign server may wait for us to speak.
 */
export function probeTcp(request: ProbeRequest): Promise<Detail> {
  return new Promise((resolve) => {
    const socket = connect({
      host: request.address,
      port: request.port,
      ...(request.from && { localAddress: request.from }),
      ...(request.sourcePort && { localPort: request.sourcePort }),
    })
    let connected = false
    let text = ''
    const finish = (detail: Detail): void => {
      endWaiting()
      socket.destroy()
      resolve(detail)
    }
    const finishConnected = (): void => finish({ verdict: 'reached', ...answerIn(text) })
    const endWaiting = afterSilence(request.timeoutMs, () =>
      connected ? finishConnected() : finish({ verdict: 'timeout' }),
    )
    socket.once('connect', () => {
      connected = true
    })
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      if (text.endsWith('\n')) finishConnected()
    })
    socket.once('end', finishConnected)
    socket.once('error', (error) => finish(detailOfError(error)))
  })
}

/** Answers each connection with one line and closes it. */
export async function serveTcp(request: ServeRequest): Promise<Serving> {
  const seen: Peer[] = []
  const server = createServer((socket) => {
    const answer = answerTo(socket, request.name)
    seen.push(answer.peer)
    socket.on('error', () => {})
    socket.resume()
    socket.end(`${JSON.stringify(answer)}\n`)
  })
  return { port: await listen(server, request), seen, close: () => closeServer(server) }
}

/** What a server named `name` says on this connection. */
export function answerTo(socket: Socket, name: string): Answer {
  return {
    name,
    peer: { address: plainAddress(socket.remoteAddress), port: socket.remotePort ?? 0 },
    local: { address: plainAddress(socket.localAddress), port: socket.localPort ?? 0 },
  }
}

/** Listens on the wished address, or on all of both families where the kernel has both. */
export async function listen(server: Server, request: ServeRequest): Promise<number> {
  const on = (host: string): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once('error', reject)
      server.listen({ host, port: request.port, backlog: 511 }, () => {
        server.off('error', reject)
        resolve()
      })
    })
  if (request.address) await on(request.address)
  else
    await on('::').catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EAFNOSUPPORT' && error.code !== 'EADDRNOTAVAIL') throw error
      await on('0.0.0.0')
    })
  const bound = server.address()
  return typeof bound === 'object' && bound ? bound.port : request.port
}

/** Stops listening; connections still open are left to their clients. */
export function closeServer(server: { close(done: () => void): unknown }): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
  })
}
