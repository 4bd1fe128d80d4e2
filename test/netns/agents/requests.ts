/**
 * Requests one after another, so many a second, each on a connection of its own:
 * `requests.ts ADDRESS PORT PER-SECOND LIMIT-MS`, by when a request without an
 * answer has failed. Prints "begun" after the first answer, and for each line on
 * standard input, as JSON, what happened since the last one: how many were asked
 * and failed, and the longest time from a request that failed to the next that
 * was answered.
 *
 * @module
 */
import { connect } from 'node:net'

const [address = '', port = '', rate = '', limit = ''] = process.argv.slice(2)
const limitMs = Number(limit)
const perMs = Number(rate) / 1000

let [asked, failed, longestMs] = [0, 0, 0]
const lost: number[] = []
let begun = false

function ask(): void {
  const at = performance.now()
  asked++
  const socket = connect({ host: address, port: Number(port) })
  let told = false
  const tell = (isAnswer: boolean): void => {
    if (told) return
    told = true
    clearTimeout(timer)
    socket.resetAndDestroy()
    if (isAnswer) {
      if (!begun) console.log('begun')
      begun = true
      const first = lost.find((time) => time < at)
      if (first === undefined) return
      longestMs = Math.max(longestMs, at - first)
      lost.splice(0, lost.length, ...lost.filter((time) => time > at))
    } else {
      failed++
      lost.push(at)
    }
  }
  const timer = setTimeout(() => tell(false), limitMs)
  socket.on('connect', () => socket.write('hello\n'))
  socket.on('data', () => tell(true))
  socket.on('error', () => tell(false))
  socket.on('close', () => tell(false))
}

let since = performance.now()
let before = since
setInterval(() => {
  const now = performance.now()
  // What a busy machine did not get to is not caught up with in one go.
  const due = Math.floor((now - before) * perMs)
  if (due === 0) return
  before = due > 20 ? now : before + due / perMs
  for (let i = 0; i < Math.min(due, 20); i++) ask()
}, 1)

process.stdin.on('data', () => {
  const seconds = (performance.now() - since) / 1000
  const gapMs = Math.round(longestMs)
  console.log(JSON.stringify({ asked, failed, gapMs, perSecond: Math.round(asked / seconds) }))
  since = performance.now()
  asked = 0
  failed = 0
  longestMs = 0
})
process.stdin.on('end', () => process.exit(0))
