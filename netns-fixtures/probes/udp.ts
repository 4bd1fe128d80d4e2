/**
 * UDP probe and server, run by the agent inside a namespace.
 *
 * Limit: the server's answer leaves from the address the kernel's routing
 * chooses, not from the one that was asked. Where a namespace has several
 * addresses in the same family, bind one server to each.
 *
 * @module
 */
import { createSocket, type Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import {
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

/** Sends one datagram, never a second: tests count packets and conntrack entries. */
export function probeUdp(request: ProbeRequest): Promise<Detail> {
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(request.address) ? 'udp6' : 'udp4')
    let open = true
    const finish = (detail: Detail): void => {
      if (!open) return
      open = false
      endWaiting()
      socket.close()
      resolve(detail)
    }
    const endWaiting = afterSilence(request.timeoutMs, () => finish({ verdict: 'timeout' }))
    socket.on('error', (error) => finish(detailOfError(error)))
    socket.once('message', (message) => finish({ verdict: 'reached', ...answerIn(message.toString()) }))
    // A connected socket is told of the ICMP errors that an unconnected one never hears of.
    const send = (): void =>
      socket.connect(request.port, request.address, ((refused?: Error) => {
        // Node tells this callback of a missing route; its types do not say so.
        if (refused) finish(detailOfError(refused))
        else socket.send('probe', (error) => error && finish(detailOfError(error)))
      }) as () => void)
    if (request.from || request.sourcePort) {
      socket.bind({ port: request.sourcePort ?? 0, ...(request.from && { address: request.from }) }, send)
    } else send()
  })
}

/** Answers each datagram with one datagram. */
export async function serveUdp(request: ServeRequest): Promise<Serving> {
  const seen: Peer[] = []
  const open = async (type: 'udp4' | 'udp6', port: number, address?: string): Promise<Socket> => {
    const socket = createSocket({ type, ipv6Only: type === 'udp6' })
    socket.on('message', (_message, from) => {
      const peer = { address: plainAddress(from.address), port: from.port }
      const { address, port } = socket.address()
      seen.push(peer)
      // An answer that cannot be sent is seen by the client as silence, which is what it is.
      socket.send(
        JSON.stringify({ name: request.name, peer, local: { address, port } }),
        from.port,
        from.address,
        () => {},
      )
    })
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject)
      socket.bind({ port, ...(address && { address }) }, () => {
        socket.off('error', reject)
        socket.on('error', () => {})
        resolve()
      })
    })
    return socket
  }
  const sockets = request.address
    ? [await open(isIPv6(request.address) ? 'udp6' : 'udp4', request.port, request.address)]
    : [await open('udp4', request.port)]
  const port = sockets[0]?.address().port ?? request.port
  if (!request.address) {
    const second = await open('udp6', port).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EAFNOSUPPORT' && error.code !== 'EADDRNOTAVAIL') throw error
      return undefined
    })
    if (second) sockets.push(second)
  }
  return {
    port,
    seen,
    close: async () => {
      for (const socket of sockets) socket.close()
    },
  }
}
