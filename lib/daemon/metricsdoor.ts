/**
 * `GET /metrics`: on the daemon's socket, where a connection that begins like
 * HTTP is handed over to this server, and on a loopback port where one was asked
 * for.
 *
 * @module
 */

import { createServer, request, type Server } from 'node:http'
import type { Socket } from 'node:net'
import { fail, rightsLacking } from '../errors/codes.ts'
import { errnoOf } from '../kernel/system/errno.ts'
import { type DaemonPlace, notOpen, shortPath } from './place.ts'

/** Of a question, and of the answer on our side. */
const limitMs = 10_000
const contentType = 'text/plain; version=0.0.4; charset=utf-8'

export interface MetricsDoor {
  /** Takes over a connection whose first bytes are HTTP. */
  serve(socket: Socket, first: Buffer): void
  /** @throws TSNET_PORT_IN_USE (conflict) */
  listen(port: number): Promise<void>
  close(): void
}

export function beginsLikeHttp(first: Buffer): boolean {
  return first.subarray(0, 5).toString('latin1') === 'GET /'
}

export function createMetricsDoor(text: () => Promise<string>): MetricsDoor {
  const answerer = createServer({ requestTimeout: limitMs, keepAliveTimeout: 1000 }, (asked, answer) => {
    if (asked.url !== '/metrics') {
      answer.writeHead(404, { 'content-type': 'text/plain' }).end('there is /metrics\n')
      return
    }
    text().then(
      (body) => answer.writeHead(200, { 'content-type': contentType }).end(body),
      (error: unknown) => answer.writeHead(500, { 'content-type': 'text/plain' }).end(`${String(error)}\n`),
    )
  })
  let listening: Server | undefined
  return {
    serve: (socket, first) => {
      socket.removeAllListeners('data')
      answerer.emit('connection', socket)
      socket.unshift(first)
    },
    listen: (port) =>
      new Promise((resolve, reject) => {
        const failed = (error: Error): void =>
          reject(
            fail('TSNET_PORT_IN_USE', {
              message: `serving metrics on 127.0.0.1 port ${port}: ${error.message}`,
              field: '--metrics-port',
              value: port,
              hint: `ss -ltnp 'sport = :${port}' shows who has it; choose another`,
            }),
          )
        listening = answerer.once('error', failed).listen(port, '127.0.0.1', () => {
          answerer.off('error', failed)
          resolve()
        })
      }),
    close: () => {
      listening?.close()
      answerer.closeAllConnections()
    },
  }
}

/** @returns undefined where no daemon answers */
export function askMetrics(place: DaemonPlace): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const absent = (error: unknown): void => {
      if (rightsLacking(error) === undefined) resolve(undefined)
      else reject(notOpen(place))
    }
    let short: ReturnType<typeof shortPath>
    try {
      short = shortPath(place.socket)
    } catch (error) {
      // Not even the folder is there.
      if (errnoOf(error) === undefined) reject(error)
      else absent(error)
      return
    }
    const options = { socketPath: short.path, path: '/metrics', timeout: limitMs, agent: false }
    const asking = request(options, (answer) => {
      let body = ''
      answer.setEncoding('utf8').on('data', (piece: string) => {
        body += piece
      })
      answer.on('end', () => resolve(answer.statusCode === 200 ? body : undefined))
    })
    asking.on('timeout', () => asking.destroy())
    asking.on('error', absent)
    asking.on('close', () => short[Symbol.dispose]())
    asking.end()
  })
}
