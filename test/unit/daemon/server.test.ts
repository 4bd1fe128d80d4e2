/**
 * The daemon on the memory kernel, talked to by peers of all kinds.
 *
 * @module
 */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { kinds, protocolVersion } from '../../../lib/daemon/api.ts'
import { encodeFrame, frameReader } from '../../../lib/daemon/frames.ts'
import { encodeInvocation, type Invocation } from '../../../lib/daemon/invocation.ts'
import { whereabouts } from '../../../lib/daemon/place.ts'
import type { ProgramCall } from '../../../lib/daemon/program.ts'
import { askMetrics, askStatus, daemonPlace, type Programs, runDaemon } from '../../../lib/daemon.ts'
import { createMemoryKernel } from '../../../lib/kernel/memory/memory.ts'

const ends: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

interface Running {
  readonly stateDir: string
  readonly log: Record<string, unknown>[]
  stop(): Promise<void>
}

function daemon(programs: Programs, depth = 0): Running {
  const top = mkdtempSync(join(tmpdir(), 'tsnet-daemon-'))
  const stateDir = join(top, ...Array.from({ length: depth }, () => 'a-folder-with-a-long-name'))
  const controller = new AbortController()
  const log: Record<string, unknown>[] = []
  const ended = runDaemon({
    stateDir,
    programs,
    signal: controller.signal,
    logLevel: 'debug',
    print: (line) => log.push(JSON.parse(line) as Record<string, unknown>),
    makeKernel: () => createMemoryKernel(),
  })
  const stop = async (): Promise<void> => {
    controller.abort()
    await ended
  }
  ends.push(async () => {
    await stop()
    rmSync(top, { recursive: true, force: true })
  })
  return { stateDir, log, stop }
}

interface Heard {
  /** Beats left out. */
  readonly frames: [string, string][]
  /** Of all frames. */
  readonly kinds: string[]
  readonly socket: Socket
  /** When the other side has hung up. */
  readonly closed: Promise<void>
  until(kind: string): Promise<void>
}

async function say(stateDir: string, ...pieces: readonly Buffer[]): Promise<Heard> {
  while (!existsSync(daemonPlace({ stateDir }).socket)) await new Promise(setImmediate)
  const socket = connect(daemonPlace({ stateDir }).socket)
  const frames: [string, string][] = []
  const heard: string[] = []
  const watchers = new Set<() => void>()
  socket.on(
    'data',
    frameReader(
      ({ kind, payload }) => {
        heard.push(String.fromCharCode(kind))
        if (kind !== kinds.beat) frames.push([String.fromCharCode(kind), payload.toString('latin1')])
        for (const watcher of watchers) watcher()
      },
      () => undefined,
    ),
  )
  socket.on('error', () => undefined)
  const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()))
  for (const piece of pieces) socket.write(piece)
  const until = (kind: string): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (frames.some(([one]) => one === kind)) resolve()
      }
      watchers.add(look)
      look()
    })
  return { frames, kinds: heard, socket, closed, until }
}

const invoke = (more: Partial<Invocation> = {}): Buffer =>
  encodeFrame(
    kinds.invoke,
    encodeInvocation({
      ...{ protocol: protocolVersion, program: 'echo', argv: ['a', 'b'], env: { X: '1' }, cwd: '/', pid: 7 },
      ...{ columns: 0, errorColumns: 100, stdin: 'input', ...whereabouts() },
      ...more,
    }),
  )

const echo = async ({ argv, env, cwd, stdin, stdout, stderr }: ProgramCall): Promise<number> => {
  stdout.write(`${argv.join(' ')} `)
  stderr.write(`${stderr.isTTY} ${stderr.columns} ${stdout.isTTY} ${stdout.columns}`)
  stdout.write(`${env['X']} ${cwd} ${stdin}`)
  return 7
}

/** Runs until it is signalled, or for good. */
const waiting = ({ signals, stderr }: ProgramCall): Promise<number> =>
  new Promise((resolve) => {
    stderr.write('waiting')
    signals.on('SIGTERM', () => resolve(143))
  })

describe('a program at the daemon', () => {
  it('gets all that a process would, and its output comes in one piece with the exit code', async () => {
    const { stateDir, log } = daemon({ echo })
    const { frames, closed } = await say(stateDir, invoke())
    await closed
    expect(frames).toEqual([
      ['e', 'true 100 false 80'],
      ['o', 'a b 1 / input'],
      ['x', '\x07'],
    ])
    expect(log.at(-1)).toMatchObject({ level: 'info', text: 'echo', code: 7, pid: 7, ms: expect.any(Number) })
  })

  it('that comes into a crowd is told at once that it was taken, before it begins; and so are those who are there', async () => {
    const { stateDir } = daemon({ waiting })
    const call = async (): Promise<Heard> => {
      const one = await say(stateDir, invoke({ program: 'waiting' }))
      await one.until('e')
      return one
    }
    const calls = [await call(), await call(), await call(), await call(), await call()]
    expect(calls.at(-1)?.kinds.slice(0, 2)).toEqual(['h', 'e'])
    // Written before the last one began: there when everything has been read once.
    for (let turn = 0; turn < 2; turn++) await new Promise(setImmediate)
    expect(calls.map((one) => one.kinds.includes('h'))).toEqual([true, true, true, true, true])
    for (const { socket } of calls) socket.destroy()
  })

  it('that fails is told and logged as a fault, and the daemon goes on', async () => {
    const { stateDir, log } = daemon({
      echo,
      broken: async () => {
        throw new Error('as asked')
      },
    })
    const { frames, closed } = await say(stateDir, invoke({ program: 'broken' }))
    await closed
    expect(frames.at(-1)).toEqual(['x', '\x01'])
    expect(frames[0]?.[1]).toMatch(/^tsnetd: Error: as asked/)
    expect(log.filter(({ level }) => level === 'error')).toHaveLength(1)
    const next = await say(stateDir, invoke())
    await next.closed
    expect(next.frames.at(-1)).toEqual(['x', '\x07'])
  })

  it('hears signals; one that does not listen ends at once', async () => {
    let hear: (code: number) => void = () => undefined
    const deaf = (): Promise<number> =>
      new Promise((resolve) => {
        hear = resolve
      })
    const { stateDir } = daemon({ waiting, deaf })
    const listening = await say(stateDir, invoke({ program: 'waiting' }))
    await listening.until('e')
    listening.socket.write(encodeFrame(kinds.signal, Buffer.from([15])))
    await listening.closed
    expect(listening.frames.at(-1)).toEqual(['x', String.fromCharCode(143)])
    const ended = await say(
      stateDir,
      invoke({ program: 'deaf' }),
      encodeFrame(kinds.signal, Buffer.from([2])),
    )
    await ended.closed
    expect(ended.frames).toEqual([['x', String.fromCharCode(130)]])
    hear(0)
  })

  it('is told to end when its caller goes away', async () => {
    const { stateDir, log } = daemon({ waiting })
    const caller = await say(stateDir, invoke({ program: 'waiting' }))
    await caller.until('e')
    caller.socket.destroy()
    while (log.at(-1)?.['text'] !== 'waiting') await new Promise(setImmediate)
    expect(log.at(-1)).toMatchObject({ code: 143 })
  })
})

describe('the daemon', () => {
  it.each([
    ['another protocol', { protocol: 99 }, 'the daemon speaks protocol 1, the caller 99'],
    ['a program it does not have', { program: 'rm' }, 'no program rm here'],
    [
      'another network namespace',
      { netns: '1:1' },
      'the caller lives in another network namespace than the daemon',
    ],
    [
      'another mount namespace',
      { mntns: '1:1' },
      'the caller lives in another mount namespace than the daemon',
    ],
  ])('sends a caller away with the reason: %s', async (_, more, reason) => {
    const { stateDir } = daemon({ echo })
    const { frames, closed } = await say(stateDir, invoke(more))
    await closed
    expect(frames).toEqual([['d', reason]])
  })

  it('sends a library of another version away', async () => {
    const { stateDir } = daemon({})
    const hello = { protocol: protocolVersion, version: '9.9.9', ...whereabouts() }
    const { frames, closed } = await say(stateDir, encodeFrame(kinds.hello, JSON.stringify(hello)))
    await closed
    expect(frames).toEqual([['d', 'the daemon is tsnet 0.1.0, the caller 9.9.9']])
  })

  it.each([
    ['no frames', Buffer.from('what is this?\n')],
    ['an unknown kind', encodeFrame(0x21, 'x')],
    ['half a call', encodeFrame(kinds.invoke, 'tsnet')],
    ['no JSON', encodeFrame(kinds.hello, '{')],
    [
      'a call without a greeting, then nonsense',
      Buffer.concat([encodeFrame(kinds.call, '{}'), Buffer.alloc(64)]),
    ],
  ])('hangs up on nonsense and lives on: %s', async (_, nonsense) => {
    const { stateDir } = daemon({ echo })
    const { closed } = await say(stateDir, nonsense)
    await closed
    const next = await say(stateDir, invoke())
    await next.closed
    expect(next.frames.at(-1)).toEqual(['x', '\x07'])
  })

  it('tells what it has done', async () => {
    const { stateDir } = daemon({ echo })
    for (let i = 0; i < 3; i++) await (await say(stateDir, invoke({ argv: ['x'] }))).closed
    expect(await askStatus(daemonPlace({ stateDir }))).toMatchObject({
      pid: process.pid,
      protocol: protocolVersion,
      stateDir,
      calls: { echo: 3 },
      active: 0,
    })
  })

  it('tells its metrics to whoever asks its socket by HTTP, and to nobody else what is not there', async () => {
    const { stateDir } = daemon({ echo })
    await (await say(stateDir, invoke())).closed
    expect(await askMetrics(daemonPlace({ stateDir }))).toMatch(
      /^tsnet_operations_total\{operation="echo",outcome="error"\} 1$/m,
    )
    const other = await say(
      stateDir,
      Buffer.from('GET /secrets HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'),
    )
    const pieces: Buffer[] = []
    other.socket.on('data', (piece: Buffer) => pieces.push(piece))
    await other.closed
    expect(Buffer.concat(pieces).toString()).toMatch(/^HTTP\/1.1 404 /)
  })

  it('listens below a state folder whose path is longer than a socket address', async () => {
    const { stateDir } = daemon({ echo }, 6)
    expect(daemonPlace({ stateDir }).socket.length).toBeGreaterThan(108)
    while (!existsSync(daemonPlace({ stateDir }).socket)) await new Promise(setImmediate)
    expect((await askStatus(daemonPlace({ stateDir })))?.calls).toEqual({})
  })

  it('leaves nothing in its folder', async () => {
    const running = daemon({ echo })
    await (await say(running.stateDir, invoke())).closed
    expect(readdirSync(running.stateDir).sort()).toEqual(['tsnetd.pid', 'tsnetd.sock'])
    await running.stop()
    expect(readdirSync(running.stateDir)).toEqual([])
  })
})
