/**
 * One command line, from argv to exit code.
 *
 * Opens the library and the engine only for commands that ask for them, turns
 * whatever is thrown into one printed error, and closes the engine.
 *
 * @module
 */

import type { Engine, EngineOptions } from '../../lib/index.ts'
import type { GlobalFlags, Invocation, Lib, ProgramSelf, Session } from './command.ts'
import { families } from './commands.ts'
import type { Io } from './io.ts'
import { engineOptionsOf, withCallersPaths } from './options.ts'
import { renderPage } from './page.ts'
import { type Parsed, parseArgv } from './parse.ts'
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
const loadLib = (): Promise<Lib> => import('../../lib/index.ts')

/** @returns the exit code; never throws */
export async function run(argv: readonly string[], options: RunOptions): Promise<number> {
  const { io } = options
  try {
    const parsed = parseArgv(argv)
    if (parsed.kind === 'run') return await runCommand(parsed, options)
    if (!parsed.asked) throw new UsageError('a command is missing', 'see tsnet help')
    io.stdout.write(parsed.text)
    return 0
  } catch (error) {
    // The flags are not known where the command line could not be read.
    const words = argv.slice(0, argv.includes('--') ? argv.indexOf('--') : argv.length)
    return await failed(error, io, { json: words.includes('--json'), causes: false })
  }
}

async function runCommand(parsed: Extract<Parsed, { kind: 'run' }>, options: RunOptions): Promise<number> {
  const { io } = options
  const { definition } = parsed
  const invocation = withCallersPaths(parsed.invocation, io)
  const { json, verbose } = invocation.globals
  const tell = (text: string): void => {
    if (io.stderr.isTTY || verbose) io.stderr.write(`tsnet: ${text}\n`)
  }
  using signals = watchSignals(definition.onSignal, options.signals, tell)
  const opened = openOnce(invocation, options)
  const session = sessionOf(invocation, options, { signals, engine: opened.engine })
  try {
    return await definition.run(invocation, session)
  } catch (error) {
    const code = await failed(error, io, { json, causes: verbose })
    const gaveUp =
      definition.onSignal === 'undo' || (await loadLib()).isTsnetError(error, 'TSNET_INTERRUPTED')
    return gaveUp ? (signals.exitCode() ?? code) : code
  } finally {
    await opened.close()
  }
}

function sessionOf(
  invocation: Invocation,
  { io, program = noProgram }: RunOptions,
  use: { readonly signals: SignalWatch; readonly engine: () => Promise<Engine> },
): Session {
  const { quiet, verbose } = invocation.globals
  return {
    io,
    program,
    palette: paletteFor(io.stdout, io.env),
    lib: loadLib,
    engine: use.engine,
    abortSignal: () => use.signals.abortSignal(),
    page: (path) => renderPage(path, families) ?? unknownPage(path),
    manPages: async () => (await import('./man.ts')).manPages(families),
    families,
    waitFor: (what, work, cause = 'others') =>
      quiet || verbose ? work : tellWhileWaiting(what, work, { terminal: io.stderr, cause }),
  }
}

/** @throws UsageError with what the parser suggests instead */
function unknownPage(path: readonly string[]): never {
  parseArgv(path)
  throw new UsageError(`there is no command ${path.join(' ')}`, 'see tsnet help')
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

async function failed(
  error: unknown,
  io: Io,
  show: { readonly json: boolean; readonly causes: boolean },
): Promise<number> {
  const lib = await loadLib()
  const known =
    error instanceof UsageError
      ? lib.fail('TSNET_USAGE', { message: error.message, hint: error.hint })
      : lib.asTsnetError(error)
  printError(known, io, show)
  return lib.exitCode(known)
}
