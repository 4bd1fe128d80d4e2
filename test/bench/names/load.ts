/**
 * Questions by dnsperf, which has the first core: how many a server answers, in
 * how much processor time, and how long one of them waits.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import type { Host } from '../../../netns-fixtures/host.ts'
import { addresses, pidsAt, type Server } from './servers.ts'

export interface Load {
  readonly perSecond: number
  /** Answers for each second of processor time the server had: its own limit, where dnsperf is the slower one. */
  readonly perCpuSecond: number
  readonly lost: number
}

export interface Asking {
  readonly seconds: number
  /** Cores dnsperf may use. */
  readonly cores?: string
}

/** Enough for a server never to run out of work. */
const outstanding = 1000
/** Of that tool and of the kernel's accounting (USER_HZ). */
const ticksPerSecond = 100

export async function load(host: Host, server: Server, { seconds, cores = '0' }: Asking): Promise<Load> {
  const pids = await pidsAt(host, server)
  const before = cpuSeconds(pids)
  const { stdout } = await host.run(
    [...dnsperf(server, { seconds, cores }), '-c', '20', '-q', `${outstanding}`],
    {
      timeoutMs: 60_000,
    },
  )
  return {
    perSecond: figure(stdout, 'per second'),
    perCpuSecond: figure(stdout, 'completed') / (cpuSeconds(pids) - before),
    lost: figure(stdout, 'lost'),
  }
}

/** The 99th percentile in ms of a few questions beside a steady load; dnsperf tells each answer's time. */
export async function tailMs(
  host: Host,
  server: Server,
  { perSecond, seconds }: { readonly perSecond: number; readonly seconds: number },
): Promise<number> {
  const steady = dnsperf(server, { seconds: seconds + 2, cores: '0' })
  const beside = host.run([...steady, '-c', '20', '-q', '1000', '-Q', `${Math.round(perSecond)}`], {
    timeoutMs: 60_000,
  })
  const probe = dnsperf(server, { seconds, cores: '0' }).join(' ')
  const { stdout } = await host.sh(
    `sleep 0.5; nice -n -10 ${probe} -v -c 1 -Q 500 | awk '/^> NOERROR/ { print $NF }' | sort -n`,
    { timeoutMs: 60_000 },
  )
  await beside
  const times = stdout.trim().split('\n').map(Number)
  return (times[Math.floor(times.length * 0.99)] ?? Number.NaN) * 1000
}

function dnsperf(server: Server, { seconds, cores }: Required<Asking>): readonly string[] {
  const asking = ['dnsperf', '-s', addresses[server], '-d', '/run/questions', '-l', `${seconds}`]
  return ['taskset', '-c', cores, ...asking]
}

/** One of dnsperf's statistics. */
export function figure(output: string, name: string): number {
  return Number(new RegExp(`Queries ${name}: +([\\d.]+)`).exec(output)?.[1])
}

/** User and system time of these processes so far. */
function cpuSeconds(pids: readonly number[]): number {
  const ticks = pids.map((pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    return Number(fields[11]) + Number(fields[12])
  })
  return ticks.reduce((sum, one) => sum + one, 0) / ticksPerSecond
}
