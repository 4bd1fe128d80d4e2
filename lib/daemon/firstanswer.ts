/**
 * The first answer of a daemon: who has started it on demand waits for that.
 *
 * What others have left (names, ports, however many) is looked after when it is
 * given. The daemon's life itself is run.ts.
 *
 * @module
 */

/** @param limitMs for who has started us and does not call */
export function firstAnswer(limitMs: number): {
  readonly answered: () => void
  readonly over: Promise<void>
} {
  let answered = (): void => undefined
  const over = new Promise<void>((resolve) => {
    const late = setTimeout(resolve, limitMs).unref()
    answered = () => {
      clearTimeout(late)
      // What is answered is on its way then.
      setImmediate(resolve)
    }
  })
  return { answered: () => answered(), over }
}
