/**
 * How long a probe has heard nothing, measured in time in which it could have.
 *
 * A process that gets no processor for half a second finds its timer due before
 * it has read what came meanwhile. So the time is counted in short steps, and the
 * last one lets what has arrived be read before it says so. A step that comes late
 * does not count: where we get no processor, who should answer us may get none.
 *
 * @module
 */

const stepMs = 25
/** What others get in between; more than that, and nobody gets enough. */
const lateMs = 100
/** On a machine that is busy throughout, the time is this many times as long at the most. */
const longest = 8

/** Calls `over` after `limitMs` of silence. @returns the way to end the waiting */
export function afterSilence(limitMs: number, over: () => void): () => void {
  let steps = Math.ceil(limitMs / stepMs)
  let all = steps * longest
  let last = performance.now()
  let waiting = true
  const timer = setInterval(() => {
    const now = performance.now()
    if (now - last < stepMs + lateMs) steps -= 1
    all -= 1
    last = now
    if (steps > 0 && all > 0) return
    clearInterval(timer)
    setImmediate(() => waiting && over())
  }, stepMs)
  return () => {
    waiting = false
    clearInterval(timer)
  }
}
