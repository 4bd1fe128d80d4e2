/**
 * Who tries again and again tells a cause that lasts once.
 *
 * @module
 */

export interface SayOnce {
  /** Unless it is what was said last. */
  say(error: unknown): void
  /** It went well: the same cause is told again. */
  over(): void
}

export function sayOnce(tell: (error: unknown) => void): SayOnce {
  let told: string | undefined
  return {
    say: (error) => {
      if (String(error) === told) return
      told = String(error)
      tell(error)
    },
    over: () => {
      told = undefined
    },
  }
}
