/**
 * Whether there is a reason to end: asked to, nobody has called for a while, the
 * program on disk is another one, the socket was taken away.
 *
 * How a daemon ends is `run.ts`.
 *
 * @module
 */

import { readFileSync, statSync } from 'node:fs'

/** Between two looks. */
const watchMs = 500

export interface Ending {
  /** Why no more calls are taken; undefined as long as they are. */
  reason(): string | undefined
  wait(look: {
    /** Somebody is connected, or something is being done. */
    readonly busy: () => boolean
    readonly socketIsThere: () => boolean
  }): Promise<string>
}

export interface EndingOptions {
  /** Ends it. */
  readonly signal: AbortSignal
  /** Ends after so many seconds in which nobody was busy. Absent: stays. */
  readonly idleExitSeconds?: number
  /** When another text lies there it makes room. */
  readonly programFile?: string
}

export function watchForEnd({ signal, idleExitSeconds, programFile }: EndingOptions): Ending {
  const isReplaced = watchFile(programFile)
  let why: string | undefined
  let wake: () => void = () => undefined
  const reason = (): string | undefined => {
    if (why !== undefined) return why
    if (signal.aborted) why = 'asked to end'
    else if (isReplaced()) why = 'another tsnet is installed'
    // The caller who is told so calls again at once, and should find another one.
    if (why !== undefined) setImmediate(wake)
    return why
  }
  return {
    reason,
    wait: ({ busy, socketIsThere }) =>
      new Promise((resolve) => {
        let lastBusy = performance.now()
        const look = (): void => {
          if (busy()) lastBusy = performance.now()
          const idleMs = performance.now() - lastBusy
          if (reason() === undefined && !socketIsThere()) why = 'the socket was taken away'
          if (reason() === undefined && idleExitSeconds !== undefined && idleMs >= idleExitSeconds * 1000)
            why = 'idle'
          const found = reason()
          if (found === undefined) return
          wake = () => undefined
          clearInterval(timer)
          signal.removeEventListener('abort', look)
          resolve(found)
        }
        const timer = setInterval(look, watchMs)
        wake = look
        signal.addEventListener('abort', look)
        look()
      }),
  }
}

/** Compared by text: every build writes the file anew, most of them the same. */
function watchFile(path: string | undefined): () => boolean {
  if (path === undefined) return () => false
  const look = (): { inode: number; text: string } | undefined => {
    try {
      return { inode: statSync(path).ino, text: readFileSync(path, 'utf8') }
    } catch {
      return undefined
    }
  }
  let known = look()
  return () => {
    const inode = statSync(path, { throwIfNoEntry: false })?.ino
    // Gone is not replaced: an uninstalled tsnet still takes down what it has set up.
    if (known === undefined || inode === undefined || inode === known.inode) return false
    const now = look()
    if (now === undefined || now.text !== known.text) return true
    known = now
    return false
  }
}
