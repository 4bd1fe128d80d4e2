/**
 * HTTP probe and server, run by the agent inside a namespace: the way a person
 * tries a published port, and big pages that find a wrong MTU.
 *
 * @module
 */
import { createServer, get } from 'node:http'
import {
  answerIn,
  type Detail,
  detailOfError,
  type Peer,
  type ProbeRequest,
  type ServeRequest,
  type Serving,
} from './messages.ts'
import { afterSilence } from './silence.ts'
import { answerTo, closeServer, listen } from './tcp.ts'

/** Fetches a page; the time limit covers the whole of it. */
export function probeHttp(request: ProbeRequest): Promise<Detail> {
  return new Promise((resolve) => {
    const call = get({
      host: request.address,
      port: request.port,
      path: request.path ?? '/',
      agent: false,
      ...(request.from && { localAddress: request.from }),
      ...(request.sourcePort && { localPort: request.sourcePort }),
    })
    const finish = (detail: Detail): void => {
      endWaiting()
      call.destroy()
      resolve(detail)
    }
    const endWaiting = afterSilence(request.timeoutMs, () => finish({ verdict: 'timeout' }))
    call.on('error', (error) => finish(detailOfError(error)))
    call.once('response', (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        body += chunk
      })
      response.on('error', () => {})
      response.once('end', () => {
        finish({
          verdict: 'reached',
          ...answerIn(body),
          ...(response.statusCode !== undefined && { status: response.statusCode }),
          body,
        })
      })
    })
  })
}

/** Gives every path the same page: `body`, or the answer as JSON. */
export async function serveHttp(request: ServeRequest): Promise<Serving> {
  const seen: Peer[] = []
  const server = createServer((incoming, response) => {
    const answer = answerTo(incoming.socket, request.name)
    seen.push(answer.peer)
    response.setHeader('connection', 'close')
    response.setHeader(
      'content-type',
      request.body === undefined ? 'application/json' : 'text/plain; charset=utf-8',
    )
    response.end(request.body ?? `${JSON.stringify(answer)}\n`)
  })
  return { port: await listen(server, request), seen, close: () => closeServer(server) }
}
