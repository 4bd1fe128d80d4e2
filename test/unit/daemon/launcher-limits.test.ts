/**
 * The launcher beside daemons that keep it waiting: every wait has an end, and
 * the end says what to do. Built with limits of fractions of a second.
 *
 * @module
 */
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { kinds } from '../../../lib/daemon/api.ts'
import { encodeFrame } from '../../../lib/daemon/frames.ts'
import { build, call, daemon, folder, keepTidy, patienceMs, socketPath, writeProgram } from './launcher.ts'

keepTidy()

describe('a call', () => {
  it('that no daemon takes is served by the Node program', async () => {
    const tsnet = await build('tsnet', '', { accept: 200, silence: 400 })
    await daemon(() => undefined)
    expect(await call(tsnet, ['ls', '--json'])).toEqual({
      code: 0,
      stdout: 'node: ls --json via local\n',
      stderr: '',
    })
  })

  it('that a daemon takes late, because it has much to do, is waited for', async () => {
    const tsnet = await build('tsnet', '', { accept: 200 })
    await daemon((socket) => {
      const answer = encodeFrame(kinds.stdout, 'from the daemon\n')
      // Where it is only late, and not stopped (710), whoever serves itself makes it later for all others.
      setTimeout(() => socket.end(Buffer.concat([answer, encodeFrame(kinds.exit, Buffer.from([0]))])), 600)
    })
    expect(await call(tsnet, ['ls', '--json'])).toEqual({ code: 0, stdout: 'from the daemon\n', stderr: '' })
  })

  it('on which the daemon falls silent ends with what to do', async () => {
    const tsnet = await build('tsnet', '', { silence: 200 })
    await daemon((socket, kind) => {
      if (kind === kinds.invoke) socket.write(encodeFrame(kinds.beat))
    })
    expect(await call(tsnet, ['ls', '--json'])).toEqual({
      code: 75,
      stdout: '',
      stderr:
        'tsnet: waiting for tsnetd: nothing heard for 0 s\n  hint: kill -9 it, nothing is lost by that, and call again; tsnet daemon logs tells what it was at\n',
    })
  })

  it('the daemon is at for ever is cancelled, and ends with what to do when that does not help', async () => {
    const tsnet = await build('tsnet', '', { total: 200, undo: 200 })
    const heard: number[] = []
    await daemon((socket, kind) => {
      heard.push(kind)
      if (kind !== kinds.invoke) return
      const beats = setInterval(() => socket.write(encodeFrame(kinds.beat)), 20)
      socket.on('close', () => clearInterval(beats))
    })
    expect(await call(tsnet, ['ls', '--json'])).toEqual({
      code: 75,
      stdout: '',
      stderr:
        'tsnet: waiting for tsnetd: no answer after 0 s\n  hint: tsnet daemon status shows what it is at; call again\n',
    })
    // Written before it ended; this process reads it when its turn comes.
    await vi.waitFor(() => expect(heard).toEqual([kinds.invoke, kinds.signal]), patienceMs)
  })

  it('that is cancelled in time ends as the daemon says', async () => {
    const tsnet = await build('tsnet', '', { total: 200 })
    await daemon((socket, kind) => {
      if (kind === kinds.invoke) socket.write(encodeFrame(kinds.beat))
      else socket.end(encodeFrame(kinds.exit, Buffer.from([75])))
    })
    expect(await call(tsnet, ['ls', '--json'])).toEqual({ code: 75, stdout: '', stderr: '' })
  })

  it('whose daemon ends half-way, time and again, is served by the Node program', async () => {
    const tsnet = await build('tsnet', '', {})
    let calls = 0
    await daemon((socket) => {
      calls++
      socket.destroy()
    })
    expect(await call(tsnet, ['ls', '--json'])).toMatchObject({
      code: 0,
      stdout: 'node: ls --json via local\n',
    })
    expect(calls).toBe(4)
  })
})

describe('a daemon that is started', () => {
  const startedFile = join(folder, 'started')
  // Not a line that is being written: signalling number 0 would end this very process.
  const starts = (): readonly string[] => readFileSync(startedFile, 'utf8').match(/^\d+$/gm) ?? []
  const noting = `echo $$ >> ${startedFile}`
  afterEach(() => {
    for (const pid of starts()) {
      try {
        process.kill(Number(pid), 'SIGKILL')
      } catch {
        // It has ended by itself.
      }
    }
    rmSync(startedFile, { force: true })
  })

  it('and never listens is waited for so long, then the Node program serves', async () => {
    const tsnet = await build('tsnet', '', { start: 200 })
    writeProgram(`${noting}; exec sleep 60`)
    expect(await call(tsnet, ['ls', '--json'])).toEqual({
      code: 0,
      stdout: 'node: ls --json via local\n',
      stderr: '',
    })
    await vi.waitFor(() => expect(starts()).toHaveLength(1), patienceMs)
  })

  it('and fails is not waited for', async () => {
    const tsnet = await build('tsnet', '', {})
    writeProgram(`${noting}; exit 1`)
    expect(await call(tsnet, ['ls', '--json'])).toMatchObject({ stdout: 'node: ls --json via local\n' })
    await vi.waitFor(() => expect(starts()).toHaveLength(1), patienceMs)
  })

  it('because another is on its way is waited for, and takes the call', async () => {
    const tsnet = await build('tsnet', '', {})
    writeProgram(`${noting}; exit 0`)
    const calling = call(tsnet, ['ls', '--json'])
    await vi.waitFor(() => expect(existsSync(startedFile)).toBe(true), patienceMs)
    await daemon((socket) => {
      const answer = encodeFrame(kinds.stdout, 'from the daemon\n')
      socket.end(Buffer.concat([answer, encodeFrame(kinds.exit, Buffer.from([0]))]))
    })
    expect(await calling).toEqual({ code: 0, stdout: 'from the daemon\n', stderr: '' })
    await vi.waitFor(() => expect(starts()).toHaveLength(1), patienceMs)
  })
})

describe('output', () => {
  it('that nobody reads is dropped, and the call ends', async () => {
    const tsnet = await build('tsnet', '', { output: 200 })
    const answer = encodeFrame(kinds.stdout, 'x'.repeat(4 * 1024 * 1024))
    await daemon((socket) => socket.end(Buffer.concat([answer, encodeFrame(kinds.exit, Buffer.from([0]))])))
    const env = { TSNET_SOCKET: socketPath }
    const child = spawn(tsnet, ['ls', '--json'], { env, timeout: patienceMs, killSignal: 'SIGKILL' })
    expect(await new Promise((resolve) => child.on('exit', resolve))).toBe(0)
  })
})

describe('standard input that never ends', () => {
  it('is waited for so long, and the error is in the words of CNI', async () => {
    const bridge = await build('bridge', 'cni/', { input: 200 })
    expect(await call(bridge, [])).toEqual({
      code: 1,
      stdout:
        '{"cniVersion":"1.0.0","code":11,"msg":"reading standard input: no end after 0 s","details":"close standard input, or put the document into a file"}\n',
      stderr: '',
    })
    expect(existsSync(socketPath)).toBe(false)
  })

  it("is told in podman's words", async () => {
    const netavark = await build('netavark', 'podman/', { input: 200 })
    expect(await call(netavark, ['setup', '/run/netns/x'])).toEqual({
      code: 1,
      stdout:
        '{"error":"reading standard input: no end after 0 s (close standard input, or put the document into a file)"}\n',
      stderr: '',
    })
  })
})
