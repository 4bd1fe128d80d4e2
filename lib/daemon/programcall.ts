/**
 * One program call of a launcher: run the function, relay what it prints.
 *
 * Standard output goes out in one piece with the exit code, so that a call whose
 * daemon is killed half-way can be repeated as if nothing had been printed.
 * Standard error goes out as it comes. A caller that goes away counts as a
 * SIGTERM: a set-up takes back what it has done.
 *
 * @module
 */

import type { Socket } from 'node:net'
import type { EngineOptions } from '../engine/engine.ts'
import { engineOn } from '../engine/open.ts'
import type { Kernel } from '../kernel/kernel.ts'
import { kinds } from './api.ts'
import { encodeFrame } from './frames.ts'
import { decodeInvocation, type Invocation } from './invocation.ts'
import type { Program, ProgramCall, ProgramSignals } from './program.ts'
import type { Service } from './service.ts'

export interface Conversation {
  signal(number: number): void
  /** The caller has gone. */
  gone(): void
}

const signalNames: Readonly<Record<number, 'SIGINT' | 'SIGTERM'>> = {
  1: 'SIGTERM',
  2: 'SIGINT',
  15: 'SIGTERM',
}

/**
 * With so many calls at work the next beat may be later than a launcher waits before it serves itself (SILENCE_LIMIT in
 * launcher.h), and then both would do the same: whoever comes into a crowd is told at once that the call was taken, and
 * those who are at work when it becomes one. Alone nobody needs the extra frame.
 */
const crowd = 4

/** @returns undefined where the call was refused */
export function answerInvocation(
  socket: Socket,
  payload: Buffer,
  service: Service,
): Conversation | undefined {
  const call = decodeInvocation(payload)
  const refusal =
    call === undefined
      ? { kind: kinds.decline, reason: 'the daemon cannot read the call' }
      : service.refuse(call)
  const program = call === undefined ? undefined : service.programs[call.program]
  if (refusal !== undefined || call === undefined || program === undefined) {
    const { kind, reason } = refusal ?? { kind: kinds.decline, reason: `no program ${call?.program} here` }
    service.log.write('debug', 'refused', { reason })
    socket.end(encodeFrame(kind, reason))
    return undefined
  }
  return converse(socket, call, { program, service })
}

function converse(
  socket: Socket,
  call: Invocation,
  { program, service }: { readonly program: Program; readonly service: Service },
): Conversation {
  const signals = createSignals()
  let stdout = ''
  let open = true
  const finish = (code: number): void => {
    if (!open) return
    open = false
    stopBeat()
    const out = stdout === '' ? [] : [encodeFrame(kinds.stdout, stdout)]
    socket.end(Buffer.concat([...out, encodeFrame(kinds.exit, Buffer.from([code]))]))
  }
  const stopBeat = service.onBeat(() => socket.write(encodeFrame(kinds.beat)))
  const writeError = (text: string): void => {
    if (open) socket.write(encodeFrame(kinds.stderr, text))
  }
  const warn = (text: string): void => {
    service.log.write('warn', text)
    writeError(`tsnet: ${text}\n`)
  }
  const way = wayOf(call)
  const expected = way === undefined ? undefined : service.resident.expect(way)
  const kernel = (options: EngineOptions): Kernel => {
    const made = service.resident.kernel(options, call.sandbox)
    return expected?.watch(made) ?? made
  }
  const programCall: ProgramCall = {
    argv: call.argv,
    env: call.env,
    cwd: call.cwd,
    pid: call.pid,
    stdin: call.stdin,
    stdout: {
      write: (text) => {
        stdout += text
      },
      isTTY: call.columns > 0,
      columns: call.columns || 80,
    },
    stderr: { write: writeError, isTTY: call.errorColumns > 0, columns: call.errorColumns || 80 },
    signals,
    kernel,
    openEngine: (options) => engineOn(kernel(options), { onWarning: warn, ...options }),
    warn,
  }
  // One turn later: a caller that has given up meanwhile is known by then, and served itself.
  setImmediate(() => {
    if (socket.destroyed) {
      stopBeat()
      expected?.over()
      return
    }
    if (service.active() === crowd) service.beat()
    if (service.active() > crowd) socket.write(encodeFrame(kinds.beat))
    const answer = (code: number): void => {
      expected?.over()
      finish(code)
    }
    void runProgram(program, programCall, { name: nameOf(call), pid: call.pid, service, answer })
  })
  return {
    signal: (number) => {
      const name = signalNames[number]
      // Nobody listens: the system's own way, the program ends at once. What it still does, nobody waits for.
      if (name !== undefined && !signals.raise(name)) finish(128 + number)
    },
    gone: () => {
      if (!open) return
      open = false
      stopBeat()
      signals.raise('SIGTERM')
    },
  }
}

/** Answers first and writes its line then: the log is nobody's wait. */
async function runProgram(
  program: Program,
  call: ProgramCall,
  use: {
    readonly name: string
    readonly pid: number
    readonly service: Service
    readonly answer: (code: number) => void
  },
): Promise<void> {
  const { name, pid, service, answer } = use
  const work = service.begin(name)
  try {
    const code = await program(call)
    answer(code)
    work.end(code, { pid })
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    service.log.write('error', `${name}: a fault`, { error: text })
    call.stderr.write(`tsnetd: ${text}\n`)
    answer(1)
    work.end(1, { pid })
  }
}

/** `tsnet setup`, `bridge ADD`: what counts are kept by, so no ids. */
function nameOf({ program, argv, env }: Invocation): string {
  if (program.startsWith('hooks/'))
    return `${program} ${argv[0] === 'poststop' ? 'poststop' : 'createRuntime'}`
  const byArgv = program === 'tsnet' || program.startsWith('podman/')
  const verb = byArgv ? argv.find((word) => /^[a-z]+$/.test(word)) : env['CNI_COMMAND']
  return verb === undefined ? program : `${program} ${verb}`
}

/** Whether it will set something up or take something down. */
function wayOf(call: Invocation): 'apply' | 'revert' | undefined {
  const name = nameOf(call)
  if (/^(tsnet teardown|cni\/\S+ DEL|\S+\/\S+ (teardown|poststop))$/.test(name)) return 'revert'
  return /^(tsnet setup|cni\/\S+ ADD|\S+\/\S+ (setup|createRuntime))$/.test(name) ? 'apply' : undefined
}

interface RaisableSignals extends ProgramSignals {
  /** @returns false where nobody listens */
  raise(name: 'SIGINT' | 'SIGTERM'): boolean
}

function createSignals(): RaisableSignals {
  const listeners = { SIGINT: new Set<() => void>(), SIGTERM: new Set<() => void>() }
  return {
    on: (name, listener) => listeners[name].add(listener),
    off: (name, listener) => listeners[name].delete(listener),
    raise: (name) => {
      for (const listener of listeners[name]) listener()
      return listeners[name].size > 0
    },
  }
}
