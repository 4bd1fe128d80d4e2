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
import type { RunOptions, RunResult } from '../../netns-fixtures/process.ts'

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
  ...['rename', 'link', 'symlink', 'unlink', 'sendto', 'sendmsg', 'bind', 'connect'],
  ...['flock', 'clone', 'vfork', 'setns', 'mount', 'umount2'],
]

/** Neither an effect: reading opens, questions to the kernel, libuv waking its own threads. */
function isIdle(line: string): boolean {
  if (/^\d+ openat\(/.test(line)) return !line.includes('O_CREAT')
  if (/^\d+ write\(\d+<(pipe:|anon_inode:)/.test(line)) return true
  if (!/^\d+ send(to|msg)\(/.test(line)) return false
  const types = [...line.matchAll(/nlmsg_type=([^,]+),/g)].map(([, type]) => type ?? '')
  return types.length > 0 && types.every((type) => /GET|0x12 |0xa04 |0xa10 /.test(type))
}

const tracing = ['strace', '-f', '-b', 'execve', '-qq']
export const tsnetWords: readonly string[] = [process.execPath, `${repository}dist/bin/tsnet`]

/** Runs it to its end, which must be a good one. @returns the calls that change something, in their order */
export async function pointsOf(
  host: Host,
  argv: readonly string[],
  options: RunOptions = {},
): Promise<readonly Point[]> {
  const flags = ['-y', '-s', '64', '-o', '/run/trace', '-e', `trace=${changing.join(',')}`]
  await host.run([...tracing, ...flags, ...argv], { timeoutMs: 30_000, ...options })
  const { stdout } = await host.run(['sh', '-c', 'cat /run/trace; rm /run/trace'])
  return pointsIn(stdout)
}

/** Calls of the first thread in a trace, without those that change nothing. */
function pointsIn(trace: string): readonly Point[] {
  const counts = new Map<string, number>()
  const main = /^\d+/.exec(trace)?.[0]
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
  const inject = `inject=${point.call}:${how}:when=${point.nth}`
  return host.run([...tracing, '-o', '/dev/null', '-e', `trace=${point.call}`, '-e', inject, ...argv], {
    timeoutMs: 30_000,
    expectExit: 'any',
    ...options,
  })
}
