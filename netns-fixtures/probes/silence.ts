/**
 * How long a probe has heard nothing, measured in time in which it could have.
 *
 * A process that gets no processor for half a second finds its timer due before
 * it has read what came meanwhile. So the time is counted in short steps, each
 * of which counts once however late it is, and the last one lets what has
 * arrived be read before it says so.
 *
 * @module
 */

const stepMs = 25

/** Calls `over` after `limitMs` of silence. @returns the way to end the waiting */
export function afterSilence(limitMs: number, over: () => void): () => void {
  let steps = Math.ceil(limitMs / stepMs)
  let waiting = true
  const timer = setInterval(() => {
    steps -= 1
    if (steps > 0) return
    clearInterval(timer)
    setImmediate(() => waiting && over())
  }, stepMs)
  return () => {
    waiting = false
    clearInterval(timer)
  }
}
