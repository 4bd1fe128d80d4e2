/**
 * A program as the daemon runs it: a function instead of a process, with all it
 * may touch of its caller passed in.
 *
 * @module
 */

import type { Engine, EngineOptions } from '../engine/engine.ts'
import type { Kernel } from '../kernel/kernel.ts'

/** One of the caller's output streams. */
export interface ProgramOutput {
  write(text: string): void
  readonly isTTY: boolean
  /** Width of the terminal, 80 where there is none. */
  readonly columns: number
}

/** Signals the caller was sent, as they arrive. */
export interface ProgramSignals {
  on(name: 'SIGINT' | 'SIGTERM', listener: () => void): unknown
  off(name: 'SIGINT' | 'SIGTERM', listener: () => void): unknown
}

export interface ProgramCall {
  /** Without the program itself. */
  readonly argv: readonly string[]
  /** What of the caller's environment the launcher passes on. */
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
  /** Of the caller. */
  readonly pid: number
  /** All of it; empty where the launcher saw no reason to read. */
  readonly stdin: string
  readonly stdout: ProgramOutput
  readonly stderr: ProgramOutput
  readonly signals: ProgramSignals
  openEngine(options: EngineOptions): Promise<Engine>
  /** Tells the caller, and the daemon's log. */
  warn(text: string): void
  /** For whoever puts an engine together by hand; `close` is optional. */
  kernel(options: EngineOptions): Kernel
}

/** @returns the exit code; what it throws is a fault */
export type Program = (call: ProgramCall) => Promise<number>

/** By the name the launcher is called by. */
export type Programs = Readonly<Record<string, Program>>
