import { EventEmitter } from 'node:events'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Output } from '../../../cmd/tsnet/io.ts'
import { tellWhileWaiting } from '../../../cmd/tsnet/progress.ts'
import { watchSignals } from '../../../cmd/tsnet/signals.ts'

function terminal(isTTY: boolean): Output & { readonly parts: string[] } {
  const parts: string[] = []
  return { parts, isTTY, columns: 60, write: (text) => void parts.push(text) }
}

describe('work that takes long', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('is told of on a terminal after a second, in one line that goes away again', async () => {
    const output = terminal(true)
    let finish = (_: string): void => undefined
    const work = new Promise<string>((resolve) => {
      finish = resolve
    })
    const waiting = tellWhileWaiting('taking down web', work, { terminal: output, cause: 'others' })
    await vi.advanceTimersByTimeAsync(999)
    expect(output.parts).toEqual([])
    await vi.advanceTimersByTimeAsync(1001)
    finish('done')
    expect(await waiting).toBe('done')
    expect(output.parts).toEqual([
      '\r\u001b[Ktsnet: still taking down web (1 s); another tsnet may be at',
      '\r\u001b[Ktsnet: still taking down web (2 s); another tsnet may be at',
      '\r\u001b[K',
    ])
  })

  it('is told of without guessing at others where nobody else can hold it up', async () => {
    const output = terminal(true)
    const work = new Promise<string>((resolve) => setTimeout(() => resolve('done'), 1500))
    const waiting = tellWhileWaiting('examining this host', work, { terminal: output, cause: 'work' })
    await vi.advanceTimersByTimeAsync(1500)
    expect(await waiting).toBe('done')
    expect(output.parts).toEqual(['\r\u001b[Ktsnet: still examining this host (1 s)', '\r\u001b[K'])
  })

  it('is not told of in a pipe', async () => {
    const output = terminal(false)
    const work = new Promise<string>((resolve) => setTimeout(() => resolve('done'), 5000))
    const waiting = tellWhileWaiting('taking down web', work, { terminal: output, cause: 'others' })
    await vi.advanceTimersByTimeAsync(5000)
    expect(await waiting).toBe('done')
    expect(output.parts).toEqual([])
  })
})

describe('SIGINT and SIGTERM', () => {
  it('abort a command that can be taken back, once', () => {
    const source = new EventEmitter()
    const told: string[] = []
    using watch = watchSignals('undo', source, (text) => told.push(text))
    const signal = watch.abortSignal()
    expect({ aborted: signal.aborted, code: watch.exitCode() }).toEqual({ aborted: false, code: undefined })
    source.emit('SIGTERM')
    source.emit('SIGINT')
    expect({ aborted: signal.aborted, code: watch.exitCode(), told }).toEqual({
      aborted: true,
      code: 143,
      told: ['SIGTERM: taking back what was done'],
    })
  })

  it('end the waiting of a command that takes down, and let it finish what has begun', () => {
    const source = new EventEmitter()
    const told: string[] = []
    using watch = watchSignals('finish', source, (text) => told.push(text))
    const signal = watch.abortSignal()
    source.emit('SIGINT')
    expect({ aborted: signal.aborted, code: watch.exitCode(), told }).toEqual({
      aborted: true,
      code: 130,
      told: ['SIGINT: finishing what has begun'],
    })
  })

  it('are not lost when they come before anybody has asked', () => {
    const source = new EventEmitter()
    using watch = watchSignals('undo', source, () => undefined)
    source.emit('SIGTERM')
    expect(watch.abortSignal().aborted).toBe(true)
  })

  it('end a command that only looks, as the system has it', () => {
    const source = new EventEmitter()
    using _watch = watchSignals('stop', source, () => undefined)
    expect(source.eventNames()).toEqual([])
  })

  it('are nobody’s concern any more after the command', () => {
    const source = new EventEmitter()
    watchSignals('undo', source, () => undefined)[Symbol.dispose]()
    expect(source.eventNames().flatMap((name) => source.listeners(name))).toEqual([])
  })
})
