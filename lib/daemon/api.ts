/**
 * What is said on the daemon's socket.
 *
 * Two kinds of callers: the launcher sends one program call per connection
 * (`invoke`: words ended by NUL, because it is written in C) and relays what the
 * program prints; a Node client says `hello` once and then sends engine calls as
 * JSON, several at a time. Whoever does not speak the same version, or lives in
 * other namespaces than the daemon, is told to serve itself.
 *
 * @module
 */

import { type ErrorCode, errorCodes, fail } from '../errors/codes.ts'
import { TsnetError } from '../errors/error.ts'

/** Of the frames and their contents; cmd/launcher/launcher.h has the same number. */
export const protocolVersion = 1

/** The byte behind the length of a frame; letters, so that a capture can be read. */
export const kinds = {
  /** Launcher: a program is to be run. */
  invoke: 0x49, // I
  /** Launcher: a signal for it, its number in one byte. */
  signal: 0x63, // c
  stdout: 0x6f, // o
  stderr: 0x65, // e
  /** The exit code, one byte; the last frame of a program call. */
  exit: 0x78, // x
  /** The daemon lives and works on it; also says that a call was accepted. */
  beat: 0x68, // h
  /** The caller must serve itself; why, as text. */
  decline: 0x64, // d
  /** This daemon is on its way out: call again, another one will answer. */
  retire: 0x72, // r
  hello: 0x48, // H
  /** An engine call, and its answer. */
  call: 0x45, // E
  /** The caller of an engine call does not want it any more. */
  abort: 0x41, // A
  /** One line of progress of an engine call, or a warning. */
  step: 0x70, // p
  status: 0x53, // S
} as const

/** How often a daemon at work says so, in ms. */
export const beatMs = 2000

/** Which namespaces a process lives in, as `DEVICE:INODE` of /proc/self/ns/net and .../mnt. */
export interface Whereabouts {
  readonly netns: string
  readonly mntns: string
}

/** First frame of a Node client, as JSON. */
export interface Hello extends Whereabouts {
  readonly protocol: number
  /** Of the package: the shapes of requests and records are those of one version. */
  readonly version: string
}

/** What of EngineOptions travels. */
export interface CallOptions {
  readonly stateDir?: string
  readonly firewall?: 'iptables' | 'nftables' | 'none'
  readonly lockTimeoutMs?: number
  /** Tell each step. */
  readonly steps?: boolean
}

/** A sandbox the caller holds open, and the path requests call it by. */
export interface HeldSandbox {
  readonly path: string
  /** `/proc/PID/fd/N` of the caller: the namespace stays what it was, whatever happens to `path`. */
  readonly openPath: string
}

export interface EngineCall {
  readonly id: number
  readonly method: string
  readonly args: readonly unknown[]
  readonly options: CallOptions
  readonly sandbox?: HeldSandbox
}

export type EngineAnswer =
  | { readonly id: number; readonly value?: unknown }
  | { readonly id: number; readonly error: WireError }

/** What is said while a call is carried out. */
export interface Progress {
  readonly id: number
  readonly line: string
  /** It is told to `onWarning`, not to `onStep`. */
  readonly warns?: true
}

/** What `tsnet daemon status` shows. */
export interface DaemonStatus {
  readonly pid: number
  readonly version: string
  readonly protocol: number
  readonly socket: string
  readonly stateDir?: string
  /** ISO 8601. */
  readonly startedAt: string
  /** Calls since then, by what was called. */
  readonly calls: Readonly<Record<string, number>>
  /** Calls being worked on now. */
  readonly active: number
  /** Absent: it stays. */
  readonly idleExitSeconds?: number
  readonly residentBytes: number
}

export interface WireError {
  readonly code: string
  readonly kind: TsnetError['kind']
  readonly message: string
  readonly field?: string
  readonly value?: unknown
  readonly hint?: string
  /** What lies beneath, outermost first. */
  readonly causes: readonly string[]
  readonly undo: readonly string[]
}

export function encodeError(error: TsnetError): WireError {
  const { code, kind, message, field, value, hint } = error
  return {
    code,
    kind,
    message,
    ...(field === undefined ? {} : { field }),
    ...(value === undefined ? {} : { value }),
    ...(hint === undefined ? {} : { hint }),
    causes: causesOf(error),
    undo: error.undo.map(textOf),
  }
}

export function decodeError(wire: WireError): TsnetError {
  const { code, kind, message, field, value, hint } = wire
  const cause = wire.causes.reduceRight<Error | undefined>(
    (beneath, text) => new Error(text, beneath === undefined ? undefined : { cause: beneath }),
    undefined,
  )
  const details = {
    message,
    ...(field === undefined ? {} : { field }),
    ...(value === undefined ? {} : { value }),
    ...(hint === undefined ? {} : { hint }),
    ...(cause === undefined ? {} : { cause }),
  }
  const error = code in errorCodes ? fail(code as ErrorCode, details) : new TsnetError(code, kind, details)
  error.undo.push(...wire.undo.map((text) => new Error(text)))
  return error
}

function causesOf(error: Error): readonly string[] {
  if (error.cause === undefined) return []
  return [textOf(error.cause), ...(error.cause instanceof Error ? causesOf(error.cause) : [])]
}

const textOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown))
