/**
 * Log lines as netavark's, on standard error; podman passes its own level on in
 * `RUST_LOG=netavark=LEVEL` and shows what comes.
 *
 * @module
 */

const levels = ['error', 'warn', 'info', 'debug', 'trace'] as const

export type LogLevel = (typeof levels)[number]

/** Writes a line where the level is asked for. @param module as in `netavark::MODULE` */
export type Log = (level: LogLevel, module: string, text: string) => void

/** @param filter value of `RUST_LOG`: a level, or `TARGET=LEVEL` pairs; the pair for netavark wins */
export function createLog(filter: string | undefined, write: (text: string) => void): Log {
  const most = levels.indexOf(levelOf(filter ?? ''))
  return (level, module, text) => {
    if (levels.indexOf(level) <= most) {
      write(`[${level.toUpperCase().padEnd(5)} netavark::${module}] ${text}\n`)
    }
  }
}

function levelOf(filter: string): LogLevel {
  const words = filter.toLowerCase().split(',')
  const own = words.find((word) => word.startsWith('netavark='))?.slice('netavark='.length)
  return levels.find((level) => level === own) ?? levels.find((level) => words.includes(level)) ?? 'error'
}
