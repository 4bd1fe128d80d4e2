/**
 * What SIGINT and SIGTERM do to a running command.
 *
 * `undo` aborts the engine's work once, which takes back what was done; a second
 * signal must not stop the taking back. `finish` lets the command end: a
 * teardown stopped half-way would only have to be run again. `stop` is the
 * system's own way: the process ends.
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
  /** Aborted by the first signal, under `undo`. Made when first asked for: it costs a start 2 ms. */
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
      tell(behaviour === 'undo' ? `${name}: taking back what was done` : `${name}: finishing first`)
      if (behaviour === 'undo') controller?.abort(name)
    }
    return { name, listener }
  })
  if (behaviour !== 'stop') for (const { name, listener } of listeners) source.on(name, listener)
  return {
    abortSignal: () => {
      controller ??= new AbortController()
      return controller.signal
    },
    exitCode: () => (first === undefined ? undefined : 128 + numbers[first]),
    [Symbol.dispose]: () => {
      for (const { name, listener } of listeners) source.off(name, listener)
    },
  }
}
