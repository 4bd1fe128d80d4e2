/**
 * What SIGINT and SIGTERM do to a running command.
 *
 * `undo` and `finish` abort the engine's work once. A set-up takes back what was
 * done, and a second signal must not stop the taking back. A teardown only ends
 * its waiting for others: stopped half-way it would have to be run again. `stop`
 * is the system's own way: the process ends. `end` is that of commands which run
 * until they are told to stop.
 *
 * @module
 */

import type { CommandDefinition } from './command.ts'

const numbers = { SIGINT: 2, SIGTERM: 15 } as const
type Watched = keyof typeof numbers
const names: readonly Watched[] = ['SIGINT', 'SIGTERM']

/** Where signals come from: the process, or a test. */
export interface SignalSource {
  on(name: Watched, listener: () => void): unknown
  off(name: Watched, listener: () => void): unknown
}

export interface SignalWatch extends Disposable {
  /** Aborted by the first signal, also by one that came before it was asked for. Made when first asked for: it costs a start 2 ms. */
  abortSignal(): AbortSignal
  /** 130 or 143 once a signal has arrived. */
  exitCode(): number | undefined
}

/** @param tell is called with what happens now, once */
export function watchSignals(
  behaviour: CommandDefinition['onSignal'],
  source: SignalSource,
  tell: (text: string) => void,
): SignalWatch {
  let controller: AbortController | undefined
  let first: Watched | undefined
  const listeners = names.map((name) => {
    const listener = (): void => {
      if (first !== undefined) return
      first = name
      // Who watches packets go by and presses Ctrl-C knows why it ends.
      if (behaviour !== 'end')
        tell(`${name}: ${behaviour === 'undo' ? 'taking back what was done' : 'finishing what has begun'}`)
      controller?.abort(name)
    }
    return { name, listener }
  })
  if (behaviour !== 'stop') for (const { name, listener } of listeners) source.on(name, listener)
  return {
    abortSignal: () => {
      if (controller === undefined) {
        controller = new AbortController()
        if (first !== undefined) controller.abort(first)
      }
      return controller.signal
    },
    exitCode: () => (first === undefined ? undefined : 128 + numbers[first]),
    [Symbol.dispose]: () => {
      for (const { name, listener } of listeners) source.off(name, listener)
    },
  }
}
