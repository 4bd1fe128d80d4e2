/**
 * Deletes links by several who ask at the same time, and prints for each what it
 * was told and whether its link was there when it was, and the size of each
 * request to the kernel.
 *
 * Usage: unlinking.ts NAME...
 *
 * @module
 */
import { existsSync } from 'node:fs'
import { createLinkRemover } from '../../../lib/kernel/executor/link-remover.ts'
import { decodeLinks, linkList } from '../../../lib/kernel/netlink/link.ts'
import { openRouteSocket, type RouteSocket } from '../../../lib/kernel/netlink/socket.ts'

const requests: number[] = []

/** The socket that deletes, and nothing else. */
function openNoting(): RouteSocket {
  const socket = openRouteSocket()
  const batchAside = socket.batchAside.bind(socket)
  return Object.assign(socket, {
    batchAside: (messages: Parameters<RouteSocket['batchAside']>[0]) => {
      requests.push(messages.length)
      return batchAside(messages)
    },
  })
}

const socket = openRouteSocket()
const remover = createLinkRemover(socket, openNoting)
const links = decodeLinks(await socket.dump(linkList()))
const told = await Promise.all(
  process.argv.slice(2).map(async (name) => {
    const errors = await remover.remove(links.filter((link) => link.name === name))
    const said = errors.map((error) => (error as Error).message)
    return { name, said, isThere: existsSync(`/sys/class/net/${name}`) }
  }),
)
remover.close()
socket.close()
process.stdout.write(`${JSON.stringify({ told, requests })}\n`)
