/**
 * One command whose line has been read, to an exit code.
 *
 * Opens the library and the engine only for commands that ask for them, turns
 * whatever is thrown into one printed error, and closes the engine. Knows no
 * list of commands: what it loads is what every start pays for.
 *
 * @module
 */

import type { Engine, EngineOptions } from '../../lib/index.ts'
import type { GlobalFlags, Invocation, ProgramSelf, VerbLib, VerbSession } from './command.ts'
import { inWordsOfLine } from './fields.ts'
import type { Io } from './io.ts'
import { engineOptionsOf, withCallersPaths } from './options.ts'
import type { ReadLine } from './parse.ts'
import { printError } from './print/error.ts'
import { paletteFor } from './print/paint.ts'
import { tellWhileWaiting } from './progress.ts'
import { type SignalSource, type SignalWatch, watchSignals } from './signals.ts'
import { UsageError } from './usage.ts'

export interface RunOptions {
  readonly io: Io
  readonly signals: SignalSource
  /** Absent: the library's own. */
  readonly openEngine?: (options: EngineOptions) => Promise<Engine>
  /** Absent: there is nothing a daemon could run. */
  readonly program?: ProgramSelf
}

const noProgram: ProgramSelf = { functions: async () => ({}) }

/** Everything `import()` brings, once. */
const loadLib = (): Promise<VerbLib> => import('../../lib/verbs.ts')

/**
 * @param extend adds what this command's kind may use besides
 * @returns the exit code; never throws
 */
export async function perform<S extends VerbSession>(
  { definition, invocation: asWritten }: ReadLine<S>,
  options: RunOptions,
  extend: (session: VerbSession) => S,
): Promise<number> {
  const { io } = options
  const invocation = withCallersPaths(asWritten, io)
  const { json, verbose } = invocation.globals
  const tell = (text: string): void => {
    if (io.stderr.isTTY || verbose) io.stderr.write(`tsnet: ${text}\n`)
  }
  using signals = watchSignals(definition.onSignal, options.signals, tell)
  const opened = openOnce(invocation, options)
  const session = extend(sessionOf(invocation, options, { signals, engine: opened.engine }))
  try {
    return await definition.run(invocation, session)
  } catch (error) {
    const told = inWordsOfLine(error, definition, { invocation, lib: await loadLib() })
    const code = await failed(told, io, { json, causes: verbose })
    const gaveUp =
      definition.onSignal === 'undo' || (await loadLib()).isTsnetError(error, 'TSNET_INTERRUPTED')
    return gaveUp ? (signals.exitCode() ?? code) : code
  } finally {
    await opened.close()
  }
}

/** Prints the error. @returns the exit code */
export async function failed(
  error: unknown,
  io: Io,
  show: { readonly json: boolean; readonly causes: boolean },
): Promise<number> {
  const lib = await loadLib()
  const known =
    error instanceof UsageError
      ? lib.fail('TSNET_USAGE', { message: error.message, hint: hintOf(error, lib) })
      : lib.asTsnetError(error)
  printError(known, io, show)
  return lib.exitCode(known)
}

function hintOf({ hint, unknown }: UsageError, lib: VerbLib): string {
  const near = unknown === undefined ? undefined : lib.nearest(unknown.word, unknown.known)
  return near === undefined ? hint : `${near} ${hint}`
}

function sessionOf(
  invocation: Invocation,
  { io, program = noProgram }: RunOptions,
  use: { readonly signals: SignalWatch; readonly engine: () => Promise<Engine> },
): VerbSession {
  const { quiet, verbose } = invocation.globals
  return {
    io,
    program,
    palette: paletteFor(io.stdout, io.env),
    lib: loadLib,
    engine: use.engine,
    abortSignal: () => use.signals.abortSignal(),
    waitFor: (what, work, cause = 'others') =>
      quiet || verbose ? work : tellWhileWaiting(what, work, { terminal: io.stderr, cause }),
  }
}

/** The engine on first use, and the way to close it if there was one. */
function openOnce(
  { globals }: Invocation,
  { io, openEngine }: RunOptions,
): { readonly engine: () => Promise<Engine>; readonly close: () => Promise<void> } {
  let opening: Promise<Engine> | undefined
  const open = async (): Promise<Engine> => {
    const lib = await loadLib()
    return (openEngine ?? lib.openEngine)({
      ...engineOptionsOf(globals, io.env, lib),
      ...stepTeller(globals, io),
      onWarning: (text) => io.stderr.write(`tsnet: ${text}\n`),
    })
  }
  return {
    engine: () => {
      opening ??= open()
      return opening
    },
    close: async () => {
      // An engine that could not be opened has already been reported.
      const engine = await opening?.catch(() => undefined)
      await engine?.close()
    },
  }
}

/** Without `--verbose` no hook at all: with one, steps travel to the kernel singly. */
function stepTeller({ verbose }: GlobalFlags, io: Io): Pick<EngineOptions, 'onStep'> {
  if (!verbose) return {}
  const { dim } = paletteFor(io.stderr, io.env)
  return { onStep: (line) => io.stderr.write(`${dim(line)}\n`) }
}
