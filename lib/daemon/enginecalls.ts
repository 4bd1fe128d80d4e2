/**
 * A Node client's connection: engine calls as JSON, several at a time.
 *
 * @module
 */

import type { Socket } from 'node:net'
import type { EngineOptions } from '../engine/engine.ts'
import { engineOn } from '../engine/open.ts'
import { asTsnetError, fail } from '../errors/codes.ts'
import { type EngineAnswer, type EngineCall, encodeError, type Hello, kinds, type Progress } from './api.ts'
import { encodeFrame } from './frames.ts'
import { callMethod, isMethod } from './methods.ts'
import type { Service } from './service.ts'

export interface EngineConversation {
  call(text: string): void
  abort(text: string): void
  /** The client has gone. */
  gone(): void
  /** Calls that are not answered yet. */
  pending(): number
}

/** @returns undefined where the client was refused */
export function answerHello(socket: Socket, text: string, service: Service): EngineConversation | undefined {
  const refusal = service.refuse(JSON.parse(text) as Hello)
  if (refusal !== undefined) {
    socket.end(encodeFrame(refusal.kind, refusal.reason))
    return undefined
  }
  socket.write(encodeFrame(kinds.hello, JSON.stringify({ version: service.version, pid: process.pid })))
  const calls = new Map<number, AbortController>()
  const stopBeat = service.onBeat(() => {
    if (calls.size > 0) socket.write(encodeFrame(kinds.beat))
  })
  const say = (kind: number, message: EngineAnswer | Progress): void => {
    if (!socket.destroyed) socket.write(encodeFrame(kind, JSON.stringify(message)))
  }
  return {
    call: (callText) => {
      const call = JSON.parse(callText) as EngineCall
      const controller = new AbortController()
      calls.set(call.id, controller)
      const tell = (line: string): void => say(kinds.step, { id: call.id, line })
      const warn = (line: string): void => say(kinds.step, { id: call.id, line, warns: true })
      void carryOut(call, { service, tell, warn, signal: controller.signal }).then((answer) => {
        calls.delete(call.id)
        say(kinds.call, answer)
      })
    },
    abort: (abortText) => calls.get((JSON.parse(abortText) as { id: number }).id)?.abort(),
    gone: () => {
      stopBeat()
      for (const controller of calls.values()) controller.abort()
    },
    pending: () => calls.size,
  }
}

const waysOf: Readonly<Record<string, 'apply' | 'revert'>> = {
  setup: 'apply',
  attach: 'apply',
  teardown: 'revert',
  detach: 'revert',
}

async function carryOut(
  { id, method, args, options, sandbox }: EngineCall,
  use: {
    readonly service: Service
    readonly tell: (line: string) => void
    readonly warn: (line: string) => void
    readonly signal: AbortSignal
  },
): Promise<EngineAnswer> {
  const { service } = use
  const work = service.begin(`engine ${method}`)
  const way = waysOf[method]
  const expected = way === undefined ? undefined : service.resident.expect(way)
  try {
    if (!isMethod(method)) throw fail('TSNET_INTERNAL', { message: `the engine has no method ${method}` })
    const { steps, ...plain } = options
    const engineOptions: EngineOptions = {
      ...plain,
      ...(steps === true ? { onStep: use.tell } : {}),
      onWarning: (text) => {
        service.log.write('warn', text)
        use.warn(text)
      },
    }
    const kernel = service.resident.kernel(engineOptions, sandbox)
    const engine = await engineOn(expected?.watch(kernel) ?? kernel, engineOptions)
    try {
      const value = await callMethod(engine, method, args, use.signal)
      work.end(0)
      return { id, value }
    } finally {
      await engine.close()
    }
  } catch (error) {
    const known = asTsnetError(error)
    work.end(known.code)
    return { id, error: encodeError(known) }
  } finally {
    expected?.over()
  }
}
