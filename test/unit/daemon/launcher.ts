/**
 * The launcher as a test builds it, and what stands for a daemon and for the Node
 * program.
 *
 * @module
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest'
import { frameReader } from '../../../lib/daemon/frames.ts'

const repository = new URL('../../../', import.meta.url).pathname
const launcher = join(repository, 'cmd/launcher')
export const folder: string = mkdtempSync(join(tmpdir(), 'tsnet-limits-'))
export const socketPath: string = join(folder, 'tsnetd.sock')
const run = promisify(execFile)

/** What a test waits for at most, whatever the launcher does. */
export const patienceMs = 30_000

interface Limits {
  readonly start: number
  readonly accept: number
  readonly silence: number
  readonly input: number
  readonly output: number
  readonly total: number
  readonly undo: number
  /** Bytes. */
  readonly frame: number
}

/** So long that no machine is too slow for them. */
const long: Limits = {
  start: 60_000,
  accept: 60_000,
  silence: 60_000,
  input: 60_000,
  output: 60_000,
  total: 60_000,
  undo: 60_000,
  frame: 64 * 1024 * 1024,
}

export async function build(name: string, kind: string, limits: Partial<Limits>): Promise<string> {
  const file = join(folder, name)
  const flags = Object.entries({ ...long, ...limits }).map(
    ([limit, most]) => `-D${limit.toUpperCase()}_LIMIT=${most}`,
  )
  const paths = { NODE: '/bin/sh', DIST: join(folder, 'dist'), KIND: kind }
  const words = Object.entries(paths).map(([word, path]) => `-DTSNET_${word}=${JSON.stringify(path)}`)
  const sources = readdirSync(launcher).filter((one) => one.endsWith('.c'))
  const all = sources.map((one) => join(launcher, one))
  await run('cc', ['-static', '-O1', '-o', file, ...flags, ...words, ...all])
  return file
}

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

interface Given {
  /** What standard input ends with; undefined: it is kept open and empty. */
  readonly input?: string
  readonly env?: Readonly<Record<string, string>>
  readonly started?: (child: ChildProcess) => void
}

const environment = { TSNET_SOCKET: socketPath, CNI_COMMAND: 'ADD', PATH: process.env['PATH'] ?? '' }

export async function call(
  program: string,
  words: readonly string[],
  { input, env = {}, started = () => undefined }: Given = {},
): Promise<Ended> {
  const options = { env: { ...environment, ...env }, timeout: patienceMs, killSignal: 'SIGKILL' } as const
  const child = spawn(program, words, options)
  started(child)
  if (input !== undefined) child.stdin.end(input)
  const [code, stdout, stderr] = await Promise.all([
    new Promise<number | null>((resolve) => child.on('close', resolve)),
    text(child.stdout),
    text(child.stderr),
  ])
  return { code, stdout, stderr }
}

let server: Server | undefined
const sockets = new Set<Socket>()

/** A daemon that does with each frame what it is told to. */
export async function daemon(answer: (socket: Socket, kind: number, payload: Buffer) => void): Promise<void> {
  const made = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on(
      'data',
      frameReader(
        ({ kind, payload }) => answer(socket, kind, payload),
        () => socket.destroy(),
      ),
    )
  })
  await new Promise<void>((resolve) => made.listen(socketPath, resolve))
  server = made
}

/**
 * What stands for the Node program, and says that it runs; started as the daemon it does `asDaemon`. A shell's, which
 * is there at once on any machine.
 */
export function writeProgram(asDaemon: string, name = 'bin/tsnet'): void {
  const lines = [`if [ "$1" = daemon ]; then ${asDaemon}; fi`, 'echo "node: $* via $TSNET_VIA"', '']
  writeFileSync(join(folder, 'dist', name), lines.join('\n'))
}

/** Called once by each file of tests. */
export function keepTidy(): void {
  afterEach(async () => {
    for (const socket of sockets) socket.destroy()
    sockets.clear()
    await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)))
    server = undefined
  })

  beforeAll(() => {
    for (const name of ['bin', 'launcher/node']) mkdirSync(join(folder, 'dist', name), { recursive: true })
  })
  beforeEach(() => writeProgram('exit 1'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
}
