/**
 * The one resident Node process of a namespace: serves and probes on request.
 *
 * Starting Node costs 40-60 ms, a request to a running one under a
 * millisecond; a probe table of hundreds of rows is only bearable this way.
 * Reads one JSON request per line, answers in any order, ends with its input.
 * client.ts bundles this file and hands it to `node --eval`.
 *
 * @module
 */
import { createInterface } from 'node:readline'
import { probeHttp, serveHttp } from './http.ts'
import type { ProbeRequest, Protocol, Request, ServeRequest, Serving } from './messages.ts'
import { probeSctp, serveSctp } from './sctp.ts'
import { probeTcp, serveTcp } from './tcp.ts'
import { probeUdp, serveUdp } from './udp.ts'

const probes: Record<Protocol, (request: ProbeRequest) => Promise<unknown>> = {
  tcp: probeTcp,
  udp: probeUdp,
  sctp: probeSctp,
  http: probeHttp,
}
const servers: Record<Protocol, (request: ServeRequest) => Promise<Serving>> = {
  tcp: serveTcp,
  udp: serveUdp,
  sctp: serveSctp,
  http: serveHttp,
}
const running = new Map<number, Serving>()
let last = 0

async function answer(request: Request): Promise<unknown> {
  if (request.op === 'probe') return await probes[request.protocol](request)
  if (request.op === 'serve') {
    const serving = await servers[request.protocol](request)
    last += 1
    running.set(last, serving)
    return { server: last, port: serving.port }
  }
  const serving = running.get(request.server)
  if (!serving) return []
  if (request.op === 'seen') return serving.seen
  running.delete(request.server)
  await serving.close()
  return []
}

function reply(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

const lines = createInterface({ input: process.stdin })
lines.on('line', (line) => {
  const request = JSON.parse(line) as Request & { id: number }
  answer(request).then(
    (value) => reply({ id: request.id, value }),
    (error: Error) => reply({ id: request.id, error: error.message }),
  )
})
lines.on('close', () => process.exit(0))
