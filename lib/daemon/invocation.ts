/**
 * A program call as the launcher sends it: words ended by NUL, then standard
 * input as it is.
 *
 * ```
 * PROTOCOL PROGRAM CWD NETNS MNTNS PID SANDBOXPATH SANDBOXFD COLUMNS ERRCOLUMNS
 * ARGC argv... ENVC env... <standard input>
 * ```
 *
 * Empty words stand for what is not there; COLUMNS are those of the terminal a
 * stream is connected to, 0 for a file or a pipe. `encode` is the launcher's part
 * in TypeScript, for tests.
 *
 * @module
 */

import type { HeldSandbox, Whereabouts } from './api.ts'

/** One program call, as it was sent. */
export interface Invocation extends Whereabouts {
  readonly protocol: number
  /** The name the launcher was called by: `tsnet`, or a plugin's. */
  readonly program: string
  /** Without the program itself. */
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
  readonly stdin: string
  readonly pid: number
  readonly sandbox?: HeldSandbox
  /** Width of the terminal standard output is connected to, 0 where it is none. */
  readonly columns: number
  readonly errorColumns: number
}

/** @returns undefined for what is no invocation; only `protocol` can be relied on where it is another one */
export function decodeInvocation(payload: Buffer): Invocation | undefined {
  let at = 0
  const word = (): string | undefined => {
    const end = payload.indexOf(0, at)
    if (end < 0) return undefined
    const text = payload.toString('utf8', at, end)
    at = end + 1
    return text
  }
  const words = (count: number): string[] | undefined => {
    if (!Number.isInteger(count) || count < 0 || count > payload.length) return undefined
    const list = Array.from({ length: count }, word)
    return list.every((one) => one !== undefined) ? list : undefined
  }
  const head = words(headWords)
  if (head === undefined) return undefined
  const [protocol, program, cwd, netns, mntns, pid, path, fd, columns, errorColumns] = head as HeadWords
  const argv = words(Number(word() ?? -1))
  const env = words(Number(word() ?? -1))
  if (argv === undefined || env === undefined) return undefined
  return {
    protocol: Number(protocol),
    program,
    argv,
    env: Object.fromEntries(env.map(splitVariable)),
    cwd,
    stdin: payload.toString('utf8', at),
    netns,
    mntns,
    pid: Number(pid),
    ...(fd === '' ? {} : { sandbox: { path, openPath: `/proc/${pid}/fd/${fd}` } }),
    columns: Number(columns),
    errorColumns: Number(errorColumns),
  }
}

const headWords = 10
type HeadWords = [string, string, string, string, string, string, string, string, string, string]

function splitVariable(text: string): [string, string] {
  const at = text.indexOf('=')
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}

/** The launcher's part. */
export function encodeInvocation(call: Invocation): Buffer {
  const { sandbox } = call
  const fd = sandbox === undefined ? '' : (sandbox.openPath.split('/').at(-1) ?? '')
  const env = Object.entries(call.env).map(([name, value]) => `${name}=${value}`)
  const words = [
    ...[call.protocol, call.program, call.cwd, call.netns, call.mntns, call.pid],
    ...[sandbox?.path ?? '', fd, call.columns, call.errorColumns],
    ...[call.argv.length, ...call.argv, env.length, ...env],
  ]
  return Buffer.concat([Buffer.from(words.map((one) => `${one}\0`).join('')), Buffer.from(call.stdin)])
}
