/**
 * Sockets to one other server, over more questions than one of them is used for.
 *
 * @module
 */
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { afterEach, expect, it } from 'vitest'
import { createUpstreams } from '../../../lib/dns/upstream.ts'
import type { Address } from '../../../lib/model/address.ts'

const server = '127.0.0.1' as Address
/** Beyond WORN_OUT, so that a socket is replaced on the way. */
const questions = 5010
const question = Buffer.concat([
  Buffer.from('000101000001000000000000', 'hex'),
  Buffer.from('\x01x\x00\x00\x01\x00\x01', 'latin1'),
])

const sockets: Socket[] = []
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.close()
})

/** Answers with the question itself. @returns its port, and from which ports it was asked */
async function startServer(): Promise<{ readonly port: number; readonly askers: Set<number> }> {
  const socket = createSocket('udp4')
  sockets.push(socket)
  const askers = new Set<number>()
  socket.on('message', (message, { port, address }) => {
    askers.add(port)
    message[2] = (message[2] as number) | 0x80
    socket.send(message, port, address)
  })
  socket.bind(0, server)
  await once(socket, 'listening')
  return { port: socket.address().port, askers }
}

it('a socket that is worn out is replaced, and no question is lost by it', { timeout: 60_000 }, async () => {
  const { port, askers } = await startServer()
  const upstreams = createUpstreams(port)
  let answers = 0
  for (let nth = 0; nth < questions; nth++) {
    const reply = await upstreams.askUdp(server, Buffer.from(question), question.length, 10_000)
    if (reply !== undefined) answers++
  }
  // The server's own, and the one that came after the first.
  const open = process.getActiveResourcesInfo().filter((kind) => /^udp/i.test(kind))
  upstreams.close()
  expect({ answers, used: askers.size, open: open.length }).toEqual({ answers: questions, used: 2, open: 2 })
})
