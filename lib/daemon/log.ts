/**
 * The daemon's log: one JSON object a line, one line per operation.
 *
 * @module
 */

export const logLevels = ['error', 'warn', 'info', 'debug'] as const
export type LogLevel = (typeof logLevels)[number]

/** Whatever belongs to the line; undefined values are left out. */
export type LogFields = Readonly<Record<string, unknown>>

export interface Log {
  /** @param text what happened, in words that stay the same: `listening`, `tsnet setup` */
  write(level: LogLevel, text: string, fields?: LogFields): void
}

export function createLog(level: LogLevel, print: (line: string) => void): Log {
  const highest = logLevels.indexOf(level)
  return {
    write: (at, text, fields = {}) => {
      if (logLevels.indexOf(at) > highest) return
      print(`${JSON.stringify({ time: new Date().toISOString(), level: at, text, ...fields })}\n`)
    },
  }
}
