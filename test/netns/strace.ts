/**
 * System calls of a program, counted, and one of them spoiled: by strace.
 *
 * One run is traced first, so that every later one meets a call that changes
 * something: a file, a link, a rule, a process. Calls of libuv's threads are left
 * out: strace counts them by thread, and theirs lie between those of the main
 * thread. Programs that are started are let go at their execve.
 *
 * @module
 */
import type { Host } from '../../netns-fixtures/host.ts'
import { repository } from '../../netns-fixtures/place.ts'
import type { Background, RunOptions, RunResult } from '../../netns-fixtures/process.ts'

/** The nth call of that name in the main thread. */
export interface Point {
  readonly call: string
  readonly nth: number
  /** The line of the trace, for people. */
  readonly line: string
}

/** What changes something, or says to others that it will. */
const changing = [
  ...['write', 'pwrite64', 'writev', 'ftruncate', 'fchmod', 'openat', 'mkdir', 'rmdir'],
  ...[
    'rename',
    'link',
    'symlink',
    'unlink',
    'mkdirat',
    'renameat',
    'renameat2',
    'unlinkat',
    'sendto',
    'sendmsg',
    'bind',
    'connect',
  ],
  ...['flock', 'clone', 'vfork', 'setns', 'mount', 'umount2'],
]

/** Neither an effect: reading opens, questions to the kernel, libuv waking its own threads. */
function changesNothing(line: string): boolean {
  if (/^\d+ openat\(/.test(line)) return !line.includes('O_CREAT')
  if (/^\d+ write\(\d+<(pipe:|anon_inode:)/.test(line)) return true
  if (!/^\d+ send(to|msg)\(/.test(line)) return false
  const types = [...line.matchAll(/nlmsg_type=([^,]+),/g)].map(([, type]) => type ?? '')
  return types.length > 0 && types.every((type) => /GET|0x12 |0xa04 |0xa10 /.test(type))
}

const tracing = ['strace', '-f', '-b', 'execve', '-qq']
const traceFile = '/run/trace'
const toFile = ['-y', '-s', '64', '-o', traceFile, '-e', `trace=${changing.join(',')}`]
export const tsnetWords: readonly string[] = [process.execPath, `${repository}dist/bin/tsnet`]

/** Runs it to its end, which must be a good one. @returns the calls that change something, in their order */
export async function pointsOf(
  host: Host,
  argv: readonly string[],
  options: RunOptions = {},
): Promise<readonly Point[]> {
  await host.run([...tracing, ...toFile, ...argv], { timeoutMs: 90_000, ...options })
  const { stdout } = await host.run(['sh', '-c', `cat ${traceFile}; rm ${traceFile}`])
  return pointsIn(stdout)
}

/** For a program that stays: what it has called so far. */
export async function pointsSoFar(host: Host): Promise<readonly Point[]> {
  return pointsIn((await host.run(['cat', traceFile])).stdout)
}

/** The start of an argv that traces the rest into the file `pointsSoFar` reads. */
export const traced: readonly string[] = [...tracing, ...toFile]

/** The start of an argv that spoils one call of the rest. */
export function spoiled(point: Point, how: string): readonly string[] {
  return [...tracing, ...spoiling(point, how)]
}

const spoiling = ({ call, nth }: Point, how: string): readonly string[] => [
  ...['-o', '/dev/null', '-e', `trace=${call}`],
  ...['-e', `inject=${call}:${how}:when=${nth}`],
]

/** Every call of a short program of one thread, also those that change nothing. */
export async function allPointsOf(
  host: Host,
  argv: readonly string[],
  options: RunOptions = {},
): Promise<readonly Point[]> {
  await host.run(['strace', '-f', '-b', 'execve', '-qq', '-o', traceFile, ...argv], options)
  const { stdout } = await host.run(['sh', '-c', `cat ${traceFile}; rm ${traceFile}`])
  return pointsIn(stdout, { isIdle: (line) => line.includes(' execve(') })
}

/** Threads that are there and those that come, until it is stopped or the process ends. */
async function attach(host: Host, pid: number, words: readonly string[]): Promise<Background> {
  const tracer = host.start(['strace', '-f', '-p', `${pid}`, ...words])
  await tracer.waitFor('attached')
  return tracer
}

/** Beside what changes something: in a process that stays, whatever it says and hears. */
const talking = ['read', 'recvmsg', 'accept4', 'socket', 'listen', 'close', 'epoll_ctl', 'setsockopt']

/** What a process that runs calls in its main thread while `work` is done. */
export async function pointsDuring(
  host: Host,
  pid: number,
  work: () => Promise<unknown>,
): Promise<readonly Point[]> {
  const calls = [...changing, ...talking].join(',')
  const tracer = await attach(host, pid, ['-o', traceFile, '-e', `trace=${calls}`])
  await work()
  await tracer.stop()
  const { stdout } = await host.run(['sh', '-c', `cat ${traceFile}; rm ${traceFile}`])
  return pointsIn(stdout, { main: `${pid}`, isIdle: () => false })
}

/** Spoils one call of a process that runs, counted from now on. */
export function spoilRunning(host: Host, pid: number, point: Point, how: string): Promise<Background> {
  return attach(host, pid, spoiling(point, how))
}

interface Reading {
  /** Whose calls. Default: those of the thread that comes first. */
  readonly main?: string
  readonly isIdle?: (line: string) => boolean
}

/** Calls of one thread in a trace, without idle ones. */
function pointsIn(trace: string, reading: Reading = {}): readonly Point[] {
  const { main = /^\d+/.exec(trace)?.[0], isIdle = changesNothing } = reading
  const counts = new Map<string, number>()
  return trace.split('\n').flatMap((line) => {
    const [, thread, call] = /^(\d+) +(\w+)\(/.exec(line) ?? []
    if (call === undefined || thread !== main) return []
    const nth = (counts.get(call) ?? 0) + 1
    counts.set(call, nth)
    return isIdle(line) ? [] : [{ call, nth, line: line.slice(0, 160) }]
  })
}

/** Runs it with that call spoiled, as strace's `--inject` says: `signal=KILL`, `error=ENOMEM`. */
export function runSpoiled(
  host: Host,
  argv: readonly string[],
  { point, how, ...options }: RunOptions & { readonly point: Point; readonly how: string },
): Promise<RunResult> {
  return host.run([...spoiled(point, how), ...argv], {
    timeoutMs: 30_000,
    expectExit: 'any',
    ...options,
  })
}
