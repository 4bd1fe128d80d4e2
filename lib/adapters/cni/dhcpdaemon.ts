/**
 * `dhcp daemon`: the flags of the reference plugin's, and the keeper behind it.
 *
 * @module
 */

import { runKeeper } from '../../engine/dhcp/daemon.ts'
import { dhcpSocket } from './dhcp.ts'

interface Flags {
  readonly [name: string]: string
}

const known = {
  pidfile: '',
  hostprefix: '',
  socketpath: dhcpSocket,
  broadcast: 'false',
  timeout: '2s',
  resendmax: '62s',
  resendtimeout: '208s',
  'on-demand': 'false',
} as const

const usage = `usage: dhcp daemon [flags]: keeps the leases of containers
  -pidfile FILE         write the process id there
  -hostprefix DIR       put before the paths of namespaces
  -socketpath FILE      where plugins ask (${known.socketpath}), or systemd's socket
  -broadcast            ask servers to answer by broadcast
  -timeout TIME         pause between the first two questions (${known.timeout})
  -resendmax TIME       the longest pause (${known.resendmax})
  -resendtimeout TIME   give up after that (${known.resendtimeout})
  -on-demand            end with the last lease
`

/** @returns the exit code */
export async function runDhcpDaemon(argv: readonly string[], say: (text: string) => void): Promise<number> {
  const flags = readFlags(argv)
  if (flags === undefined) {
    say(usage)
    return argv.some((word) => /^--?h(elp)?$/.test(word)) ? 0 : 2
  }
  const [firstPauseMs, longestPauseMs, limitMs] = ['timeout', 'resendmax', 'resendtimeout'].map((name) =>
    milliseconds(flags[name] ?? ''),
  )
  if (firstPauseMs === undefined || longestPauseMs === undefined || limitMs === undefined) {
    say(`times are written 10s, 500ms or 1m30s\n${usage}`)
    return 2
  }
  const end = new AbortController()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => end.abort())
  const pidFile = flags['pidfile'] ?? ''
  try {
    await runKeeper(
      {
        socketPath: flags['socketpath'] ?? dhcpSocket,
        ...(pidFile === '' ? {} : { pidFile }),
        hostPrefix: flags['hostprefix'] ?? '',
        broadcast: flags['broadcast'] === 'true',
        onDemand: flags['on-demand'] === 'true',
        firstPauseMs,
        longestPauseMs,
        limitMs,
        log: (line) => say(`dhcp: ${line}\n`),
      },
      end.signal,
    )
    return 0
  } catch (error) {
    say(`dhcp: ${(error as Error).message}\n`)
    return 1
  }
}

/** As Go's flag package reads them: one dash or two, `-x=y` or `-x y`. @returns undefined for what cannot be */
function readFlags(argv: readonly string[]): Flags | undefined {
  const flags: Record<string, string> = { ...known }
  for (let i = 0; i < argv.length; i++) {
    const [, name = '', value] = /^--?([a-z-]+)(?:=(.*))?$/.exec(argv[i] ?? '') ?? []
    if (!(name in known)) return undefined
    const isSwitch = name === 'broadcast' || name === 'on-demand'
    const given = value ?? (isSwitch ? 'true' : argv[++i])
    if (given === undefined) return undefined
    flags[name] = given
  }
  return flags
}

const unitsMs: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 }

function milliseconds(text: string): number | undefined {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g)]
  if (parts.length === 0 || parts.map(([all]) => all).join('') !== text) return undefined
  return parts.reduce((sum, [, number, unit]) => sum + Number(number) * (unitsMs[unit ?? ''] ?? 0), 0)
}
