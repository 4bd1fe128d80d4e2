/**
 * An upstream with whims, by the first label of the name: `silent` never
 * answers, `servfail` and `refused` do as they say, `late` takes 300 ms, `slow` 3.5 seconds,
 * `cut` is truncated over UDP and whole over TCP, `old` knows no EDNS;
 * everything else has the address 192.0.2.1 and a TTL of one minute (`brief`:
 * one second). Prints each question with its transport. Ends with its host.
 *
 * Usage: upstream.ts ADDRESS [silent]
 *
 * @module
 */
import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'

const [address = '', mood] = process.argv.slice(2)

function reply(query: Buffer, transport: 'udp' | 'tcp'): Buffer | undefined {
  const { name, end } = question(query)
  process.stdout.write(`${transport} ${name}\n`)
  const whim = name.split('.')[0]?.replace(/\d+$/, '') ?? ''
  if (mood === 'silent' || whim === 'silent') return undefined
  const edns = query.readUInt16BE(10) > 0
  if (whim === 'old' && edns) return head(query, end, { rcode: 1 })
  if (whim === 'servfail') return head(query, end, { rcode: 2 })
  if (whim === 'refused') return head(query, end, { rcode: 5 })
  if (whim === 'cut' && transport === 'udp') return head(query, end, { rcode: 0, cut: true })
  const count = whim === 'cut' ? 60 : 1
  const ttl = whim === 'brief' ? 1 : 60
  const records = Array.from({ length: count }, (_, i) =>
    Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, ttl, 0, 4, 192, 0, 2, i + 1]),
  )
  const whole = Buffer.concat([head(query, end, { rcode: 0 }), ...records])
  whole.writeUInt16BE(count, 6)
  return whole
}

function head(query: Buffer, end: number, { rcode, cut = false }: { rcode: number; cut?: boolean }): Buffer {
  const message = Buffer.from(query.subarray(0, end))
  message[2] = 0x80 | (cut ? 2 : 0) | ((query[2] as number) & 1)
  message[3] = 0x80 | rcode
  message.fill(0, 6, 12)
  return message
}

function question(query: Buffer): { name: string; end: number } {
  const labels: string[] = []
  let at = 12
  for (let length = query[at] as number; length > 0; length = query[at] as number) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += length + 1
  }
  return { name: labels.join('.'), end: at + 5 }
}

const delays: Readonly<Record<string, number>> = { late: 300, slow: 3500 }
const delayOf = (query: Buffer): number => delays[question(query).name.slice(0, 4)] ?? 0

const udp = createSocket({ type: 'udp4', recvBufferSize: 1 << 22 })
udp.on('message', (query, client) => {
  const answer = reply(query, 'udp')
  if (answer !== undefined) setTimeout(() => udp.send(answer, client.port, client.address), delayOf(query))
})
udp.bind(53, address, () => process.stdout.write('ready\n'))
createServer((socket) => {
  socket.on('error', () => socket.destroy())
  socket.on('data', (frame) => {
    const answer = reply(frame.subarray(2), 'tcp')
    if (answer === undefined) return
    socket.write(Buffer.concat([Buffer.from([answer.length >> 8, answer.length & 255]), answer]))
  })
}).listen(53, address)
