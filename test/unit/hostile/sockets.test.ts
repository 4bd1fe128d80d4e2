/**
 * Damaged bytes into the sockets of a running tsnetd: frames of both kinds of
 * callers, and Docker's HTTP with bodies whole and in chunks. Whoever comes
 * after is served, and nothing is kept of what came before.
 *
 * @module
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { kinds, protocolVersion } from '../../../lib/daemon/api.ts'
import { encodeFrame } from '../../../lib/daemon/frames.ts'
import { encodeInvocation } from '../../../lib/daemon/invocation.ts'
import { whereabouts } from '../../../lib/daemon/place.ts'
import { askStatus, daemonPlace, runDaemon } from '../../../lib/daemon.ts'
import { createMemoryKernel } from '../../../lib/kernel/memory/memory.ts'
import { tsnetVersion } from '../../../lib/model/version.ts'
import { createEndpoint, createNetwork } from '../adapters/docker/driver.ts'
import { type Random, randomFrom } from '../model/fuzz/random.ts'
import { damagedBytes, damagedJson } from './damage.ts'
import { bytesInUse, littleBytes } from './memory.ts'

/** A connection each: `npm run test:fuzz` makes more. */
const cases = Math.min(20_000, Number(process.env['TSNET_FUZZ_CASES'] ?? 600))
const seed = Number(process.env['TSNET_FUZZ_SEED'] ?? 1)
const atOnce = 20

const stateDir = mkdtempSync(join(tmpdir(), 'tsnet-sockets-'))
const dockerSocket = join(stateDir, 'docker.sock')
const controller = new AbortController()
let ended: Promise<void>

beforeAll(async () => {
  ended = runDaemon({
    ...{ stateDir, dockerSocket, dockerApi: join(stateDir, 'nobody'), signal: controller.signal },
    programs: { echo: async () => 0 },
    print: () => undefined,
    makeKernel: () => createMemoryKernel(),
  })
  while (!existsSync(dockerSocket)) await new Promise(setImmediate)
})

afterAll(async () => {
  controller.abort()
  await ended
  rmSync(stateDir, { recursive: true, force: true })
})

/** What came back until the other side hung up, or answered `enough`. */
function say(path: string, bytes: Buffer, enough: (heard: string) => boolean): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(path)
    let heard = ''
    socket.on('data', (piece: Buffer) => {
      heard += piece.toString('latin1')
      if (enough(heard)) socket.destroy()
    })
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(heard))
    // Half a frame waits for the other half: nobody sends it.
    socket.end(bytes)
  })
}

const hello = { protocol: protocolVersion, version: tsnetVersion, ...whereabouts() }
const invocation = encodeInvocation({
  ...{ protocol: protocolVersion, program: 'echo', argv: ['a'], env: { X: '1' }, cwd: '/', pid: 7 },
  ...{ columns: 0, errorColumns: 0, stdin: 'input', ...whereabouts() },
})
const calls = [
  { id: 1, method: 'list', args: [] },
  { id: 2, method: 'inspectNetwork', args: ['front'] },
]

function frames(random: Random): Buffer {
  const sound = random.oneIn(2)
    ? [encodeFrame(kinds.invoke, invocation)]
    : [
        encodeFrame(kinds.hello, JSON.stringify(hello)),
        // Whatever is asked for, it is looked for in this folder.
        encodeFrame(
          kinds.call,
          damagedJson(random.pick(calls), random).replace(/\}$/, `,"options":{"stateDir":"${stateDir}"}}`),
        ),
      ]
  return damagedBytes(Buffer.concat(sound), random)
}

const paths = ['CreateNetwork', 'CreateEndpoint', 'Join', 'DeleteEndpoint', 'Nothing']

function http(random: Random): Buffer {
  const body = Buffer.from(damagedJson(random.pick([createNetwork, createEndpoint, {}]), random))
  const head = `POST /NetworkDriver.${random.pick(paths)} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n`
  const half = Math.floor(body.length / 2)
  const chunk = (piece: Buffer): string => `${piece.length.toString(16)}\r\n${piece.toString('latin1')}\r\n`
  const text = random.oneIn(2)
    ? `${head}Content-Length: ${body.length}\r\n\r\n${body.toString('latin1')}`
    : `${head}Transfer-Encoding: chunked\r\n\r\n${chunk(body.subarray(0, half))}${chunk(body.subarray(half))}0\r\n\r\n`
  return random.oneIn(2) ? Buffer.from(text, 'latin1') : damagedBytes(Buffer.from(text, 'latin1'), random)
}

async function sendMany(path: string, make: (random: Random) => Buffer): Promise<readonly string[]> {
  const random = randomFrom(seed)
  const heard: string[] = []
  for (let i = 0; i < cases; i += atOnce) {
    const some = Array.from({ length: atOnce }, () => make(random))
    heard.push(...(await Promise.all(some.map((bytes) => say(path, bytes, () => false)))))
  }
  return heard
}

const limit = { timeout: 600_000 }

it(`${cases} damaged conversations: tsnetd answers or hangs up, and serves the next`, limit, async () => {
  const before = await bytesInUse()
  const heard = await sendMany(daemonPlace({ stateDir }).socket, frames)
  expect(heard).toHaveLength(cases)
  expect((await askStatus(daemonPlace({ stateDir })))?.active).toBe(0)
  expect((await bytesInUse()) - before).toBeLessThan(littleBytes)
})

it(
  `${cases} damaged HTTP requests: every answer is HTTP, and dockerd is served afterwards`,
  limit,
  async () => {
    const before = await bytesInUse()
    const heard = await sendMany(dockerSocket, http)
    expect(heard.filter((text) => text !== '' && !text.startsWith('HTTP/1.1 '))).toEqual([])
    const past = heard.filter((text) => text.startsWith('HTTP/1.1 200') || text.includes('{"Err"'))
    if (cases >= 10_000)
      console.info(`${2 * cases} conversations, ${past.length} HTTP requests past the decoder`)
    expect(past.length / cases).toBeGreaterThan(1 / 3)
    const sound = Buffer.from(
      'POST /Plugin.Activate HTTP/1.1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n',
    )
    expect(await say(dockerSocket, sound, () => false)).toContain(
      '{"Implements":["NetworkDriver","IpamDriver"]}',
    )
    expect((await bytesInUse()) - before).toBeLessThan(littleBytes)
  },
)
