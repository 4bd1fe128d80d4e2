/**
 * Docker's door: a unix socket that speaks HTTP, where dockerd looks for its
 * plugins. It says nothing of its own: every answer is the driver's.
 *
 * @module
 */

import { chmodSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { dirname } from 'node:path'
import { type Driver, startDriver } from '../adapters/docker/driver.ts'
import { longestBodyBytes } from '../adapters/docker/protocol.ts'
import { openRemoteEngine } from '../engine/endpoint/remote.ts'
import { fail } from '../errors/codes.ts'
import { makeFolder } from '../state/folders.ts'
import { type PlacedSocket, placeSocket, shortPath } from './place.ts'
import type { Service } from './service.ts'

export interface DockerDoor {
  /** Takes the name away: dockerd finds no driver from now on, or our successor's. */
  leave(): void
  /** When the last answer has been given. */
  closed(): Promise<void>
}

export interface DockerDoorOptions {
  readonly socket: string
  /** Of dockerd's API: who its containers are. */
  readonly apiSocket: string
  /** systemd's, instead of a socket of our own. */
  readonly fd?: number
  readonly stateDir?: string
}

/** Of Docker's plugin protocol, whatever the body. */
const contentType = 'application/vnd.docker.plugins.v1.2+json'
/** A caller that has begun a call ends it at once; dockerd writes whole ones. */
const readLimitMs = 1000
/** Between two looks whether the socket has its name still. */
const watchMs = 500
/** Less than dockerd is told to wait; others are at the same locks. */
const lockTimeoutMs = 700

/** @throws TSNET_DAEMON_RUNNING (conflict) where somebody else answers at that path */
export async function openDockerDoor(options: DockerDoorOptions, service: Service): Promise<DockerDoor> {
  const { socket, stateDir, apiSocket, fd } = options
  if (fd === undefined && (await answers(socket))) {
    throw fail('TSNET_DAEMON_RUNNING', {
      message: `opening ${socket}: somebody answers there already`,
      value: socket,
      hint: 'end that plugin first, or choose another path with --docker-socket',
    })
  }
  const onWarning = (text: string): void => service.log.write('warn', text)
  const engineOptions = { lockTimeoutMs, onWarning, ...(stateDir === undefined ? {} : { stateDir }) }
  const driver = startDriver({
    engine: openRemoteEngine(service.resident.kernel(engineOptions, undefined), engineOptions),
    apiSocket,
    report: (what, fields) => service.log.write('info', what, fields),
  })
  const server = serve(driver, service)
  let placed = await listen(server, socket, fd)
  // Whoever clears /run/docker away takes our name with it.
  let placing = false
  const watch = setInterval(() => {
    if (placing || placed.isThere()) return
    placing = true
    server.close()
    void listen(server, socket, undefined)
      .then((again) => {
        placed = again
      })
      .catch((error: Error) => service.log.write('warn', 'docker socket lost', { error: error.message }))
      .finally(() => {
        placing = false
      })
  }, watchMs)
  watch.unref()
  service.log.write('info', 'listening', { docker: socket })
  return {
    leave: () => {
      clearInterval(watch)
      placed.remove()
      server.close()
      server.closeIdleConnections()
    },
    closed: async () => {
      server.closeIdleConnections()
      await driver.stop()
      server.closeAllConnections()
    },
  }
}

/** A file that nobody listens behind is left by a killed daemon; ours takes its place. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}

async function listen(server: Server, path: string, fd: number | undefined): Promise<PlacedSocket> {
  const ready = new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.once('listening', resolve)
  })
  if (fd !== undefined) {
    server.listen({ fd })
    await ready
    return { isThere: () => true, remove: () => undefined }
  }
  makeFolder(dirname(path))
  const fresh = `${path}.${process.pid}`
  rmSync(fresh, { force: true })
  using short = shortPath(fresh)
  server.listen(short.path)
  await ready
  chmodSync(fresh, 0o600)
  return placeSocket(fresh, path, undefined)
}

function serve(driver: Driver, service: Service): Server {
  const server = createServer({ requireHostHeader: false }, (request, response) => {
    void answer(driver, service, request, response)
  })
  server.headersTimeout = readLimitMs
  server.requestTimeout = readLimitMs
  // dockerd keeps its connections; one that we close while it writes costs it a second.
  server.keepAliveTimeout = 0
  return server
}

async function answer(
  driver: Driver,
  service: Service,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = request.url ?? ''
  const send = (status: number, body: object): void => {
    const text = `${JSON.stringify(body)}\n`
    response.writeHead(status, { 'Content-Type': contentType, 'Content-Length': Buffer.byteLength(text) })
    response.end(text)
  }
  if (request.method !== 'POST') return send(405, { Err: 'tsnet: this is a Docker plugin: POST only' })
  const work = service.begin(`docker ${/^\/[\w.]{1,60}$/.test(path) ? path.slice(1) : 'unknown'}`)
  try {
    const { status, body, code } = await driver.answer(path, await textOf(request))
    send(status, body)
    work.end(code ?? 0)
  } catch (error) {
    // The caller has gone.
    work.end(error instanceof Error ? error.message : String(error))
    response.destroy()
  }
}

/** @returns undefined where it is too long */
async function textOf(request: IncomingMessage): Promise<string | undefined> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length
    if (size <= longestBodyBytes) parts.push(part)
  }
  return size > longestBodyBytes ? undefined : Buffer.concat(parts).toString()
}
