/**
 * The name server as a process: kernel's sockets and the dns room's server
 * introduced to each other, changes taken from the control socket.
 *
 * With several workers each process has UDP sockets of its own on the same
 * ports and the kernel spreads the askers; the first process has the TCP
 * listeners, takes the changes, passes them on and answers when all have them.
 *
 * @module
 */

import { createServer, type Server, type Socket } from 'node:net'
import { type Contents, lineReader, type Request, type Response, readRequest } from '../../dns/control.ts'
import type { Complain, ServerSockets } from '../../dns/listening.ts'
import { createNameServer, type NameServer } from '../../dns/server.ts'
import {
  createDatagramBatch,
  openDatagramSocket,
  openListeningSocket,
} from '../../kernel/packets/dnssocket.ts'
import { endProcess } from '../../kernel/system/ending.ts'
import { EACCES, EADDRINUSE, EADDRNOTAVAIL, EPERM, errnoOf } from '../../kernel/system/errno.ts'
import { CONTROL_FD, startWorker, staySmall, type WorkerProcess } from '../../kernel/system/nameserver.ts'

const workerArgument = '--worker'
/** Who starts us tells us at once what there is to serve; else it has died. */
const FIRST_WORD_MS = 15_000
/** Between the deaths of a worker and the start of the next. */
const RESTART_MS = 200

const sockets: ServerSockets = {
  openDatagramSocket,
  openListeningSocket,
  createDatagramBatch,
  faultOf: (error) => {
    const errno = errnoOf(error)
    if (errno === EADDRINUSE) return 'portInUse'
    if (errno === EADDRNOTAVAIL) return 'addressMissing'
    return errno === EACCES || errno === EPERM ? 'notPermitted' : 'internal'
  },
}

/** A server in this process alone, told by whoever has it. */
export function openNameServer(complain: Complain): NameServer {
  return createNameServer({ sockets, tcp: true, workers: () => [], complain })
}

/** Runs until the last network has gone. @param argv without node and program */
export function runNameServer(argv: readonly string[]): void {
  // Nobody restarts us before the next change: go on, and say so.
  process.on('uncaughtException', (error) => console.error('unexpected:', error))
  staySmall()
  if (argv.includes(workerArgument)) runWorker()
  else runMain(Number(argv.find((word) => word.startsWith('--workers='))?.slice('--workers='.length) ?? 1))
}

function runWorker(): void {
  const server = createNameServer({ sockets, tcp: false, workers: () => [] })
  process.on('message', ({ id, request }: { id: number; request: Request }) => {
    void server.handle(request).then((response) => process.send?.({ id, response }))
  })
  // The first process has gone: so has everything.
  process.on('disconnect', () => endProcess(0))
}

function runMain(count: number): void {
  const server = createNameServer({ sockets, tcp: true, workers: () => crew.pids() })
  const crew = createCrew(count - 1, server.contents)
  let loaded = false
  /** One change at a time, so that all processes see them in the same order. */
  let last: Promise<unknown> = Promise.resolve()
  const carryOut = (request: Request): Promise<Response> => {
    const changes = request.op !== 'status' && request.op !== 'explain'
    if (!changes) return server.handle(request)
    const done = last.then(async () => {
      const response = await server.handle(request)
      if (!response.ok) return response
      loaded = true
      return (await crew.tell(request)) ?? response
    })
    last = done.catch(() => undefined)
    return done
  }
  const control = createServer((socket) => converse(socket, carryOut, () => end(control, server)))
  control.listen({ fd: CONTROL_FD })
  setTimeout(() => {
    if (!loaded) endProcess(1)
  }, FIRST_WORD_MS)
}

/** No new requests; those who wait see the socket close and start another server. */
function end(control: Server, server: NameServer): void {
  if (!server.isEmpty()) return
  control.close()
  endProcess(0)
}

function converse(
  socket: Socket,
  carryOut: (request: Request) => Promise<Response>,
  ended: () => void,
): void {
  socket.on('error', () => socket.destroy())
  const answer = async (line: string): Promise<void> => {
    const request = readRequest(line)
    if (request === undefined) {
      socket.destroy()
      return
    }
    const response = await carryOut(request)
    const finished = response.ended === true
    socket.write(`${JSON.stringify(response)}\n`, () => {
      if (finished) ended()
    })
  }
  socket.on(
    'data',
    lineReader((line) => void answer(line)),
  )
}

interface Crew {
  /** Passes a change on. @returns the first refusal */
  tell(request: Request): Promise<Response | undefined>
  pids(): readonly number[]
}

interface Worker {
  readonly child: WorkerProcess
  readonly waiting: Map<number, (response: Response | undefined) => void>
}

function createCrew(count: number, contents: () => Contents): Crew {
  const workers = new Set<Worker>()
  let next = 0
  const send = ({ child, waiting }: Worker, request: Request): Promise<Response | undefined> =>
    new Promise((resolve) => {
      const id = next++
      waiting.set(id, resolve)
      child.send({ id, request }, () => {
        waiting.delete(id)
        resolve(undefined)
      })
    })
  const start = (): void => {
    const child = startWorker(workerArgument)
    const worker: Worker = { child, waiting: new Map() }
    workers.add(worker)
    child.onMessage((message) => {
      const { id, response } = message as { id: number; response: Response }
      worker.waiting.get(id)?.(response)
      worker.waiting.delete(id)
    })
    child.onExit(() => {
      workers.delete(worker)
      for (const resolve of worker.waiting.values()) resolve(undefined)
      setTimeout(start, RESTART_MS)
    })
    void send(worker, { op: 'load', ...contents() })
  }
  for (let i = 0; i < count; i++) start()
  return {
    tell: async (request) => {
      const responses = await Promise.all([...workers].map((worker) => send(worker, request)))
      return responses.find((response) => response !== undefined && !response.ok)
    },
    pids: () => [...workers].flatMap(({ child }) => child.pid ?? []),
  }
}
