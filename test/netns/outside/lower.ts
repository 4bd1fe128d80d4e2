// The lower doors at work, in a host of its own: prints what `ip` and `tc` say too.
import { closeSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { readAddress, readMac } from 'tsnet'
import {
  decodeLinks,
  decodeNeighbours,
  decodeNsid,
  decodeQdiscs,
  linkList,
  neighbourDel,
  neighbourList,
  neighbourSet,
  nsidGet,
  openNotices,
  openRouteSocket,
  qdiscAdd,
  qdiscDel,
  qdiscList,
} from 'tsnet/netlink'
import { openListeningSocket, openNetns, withNetns } from 'tsnet/netns'

const socket = openRouteSocket()
const notices = openNotices()
const link = decodeLinks(await socket.dump(linkList())).find(({ name }) => name === 'one')
if (link === undefined) throw new Error('no link one')
const { index } = link
const address = readAddress('192.0.2.9', 'address')
const errnos = async (...messages: Parameters<typeof socket.batch>[0]): Promise<string> =>
  (await socket.batch(messages)).map(({ errno }) => errno).join(' ')
const shown = async (): Promise<void> => {
  const neighbours = decodeNeighbours(await socket.dump(neighbourList())).filter(
    (one) => one.state === 'permanent',
  )
  const qdiscs = decodeQdiscs(await socket.dump(qdiscList())).filter((one) => one.index === index)
  console.log(
    neighbours.map(({ address, mac, state }) => `${address} ${mac} ${state}`).join(),
    qdiscs.map(({ kind, parent }) => `${kind} ${parent}`).join(),
  )
}

console.log(
  await errnos(
    neighbourSet(index, address, readMac('02:00:00:00:00:09', 'mac')),
    qdiscAdd({ index, kind: 'pfifo' }),
  ),
)
await shown()
console.log(await errnos(neighbourDel(index, address), qdiscDel(index), neighbourDel(index, address)))
await shown()
console.log(notices.read().length)

const netns = openNetns(process.argv[2] ?? '')
const [numbered] = await socket.batch([nsidGet(netns)])
console.log(decodeNsid(numbered?.messages ?? []) ?? 'no number')
const fd = withNetns(netns, () =>
  openListeningSocket({ address: readAddress('127.0.0.1', 'listen'), port: 80 }),
)
const here = (): number =>
  readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .filter((line) => line.includes(':0050 ')).length
console.log(here(), withNetns(netns, here))
const server = createServer((_, response) => response.end('from outside')).listen({ fd })
server.once('listening', () => console.log('listening'))
process.once('SIGTERM', () => {
  server.close()
  for (const one of [socket, notices]) one.close()
  closeSync(netns)
})
