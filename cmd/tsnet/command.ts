/**
 * What a command is: its words for the help, its flags, and the function that
 * does it. Data, so that help, tests and README speak of the same commands.
 *
 * @module
 */

import type { Programs } from '../../lib/daemon.ts'
import type { Engine, Inventory } from '../../lib/index.ts'
import type { Io } from './io.ts'
import type { Palette } from './print/paint.ts'
import type { Cause } from './progress.ts'

/** The library, as `import()` brings it. */
export type Lib = typeof import('../../lib/index.ts')

/** What the hot verbs (hot.ts) and the readers of flags they share with others know of it. */
export type VerbLib = typeof import('../../lib/verbs.ts')

/** What completion offers: these words, or the names of this moment. */
export type Values = 'containers' | 'networks' | readonly string[]

export interface OptionDefinition {
  /** As commander takes it: `-p, --publish <spec>`. */
  readonly flags: string
  readonly about: string
  /** May be given several times; the values come as a list. */
  readonly repeatable?: boolean
  /** An empty value means something, and `about` says what; of all others it is a variable that was not set. */
  readonly empty?: 'meant'
  /** Absent: the shell offers files. */
  readonly values?: Values
}

export interface OptionGroup {
  readonly title: string
  readonly options: readonly OptionDefinition[]
}

export interface ArgumentDefinition {
  /** As commander takes it: `<name>`, `[container]`, `<names...>`. */
  readonly syntax: string
  readonly about: string
  /** Absent: what its word says, such as `container`. */
  readonly values?: Values
}

/** What an argument is called says what it is, where nothing else does. */
export function valuesOf({ syntax, values }: ArgumentDefinition): Values | undefined {
  if (values !== undefined) return values
  if (/container/.test(syntax)) return 'containers'
  return /network/.test(syntax) ? 'networks' : undefined
}

/** @typeParam S a hot verb is content with less of a session than others */
export interface CommandDefinition<S extends VerbSession = Session> {
  /** `['network', 'create']` for `tsnet network create`. */
  readonly path: readonly string[]
  /** One line for the list of commands. */
  readonly summary: string
  /** The first paragraphs of its help. */
  readonly about: string
  readonly args: readonly ArgumentDefinition[]
  readonly groups: readonly OptionGroup[]
  /**
   * Its line ends in a program with flags of its own, which are not tsnet's:
   * behind `--`, or from that bare word on (1: the first, 2: the second where
   * none of `unless` has selected a container; `behind 1`: whatever stands behind the first, flags too).
   */
  readonly program?: { readonly word: 1 | 2 | 'behind 1'; readonly unless?: readonly string[] }
  /**
   * What SIGINT and SIGTERM do while it runs: stop it where it stands, have the
   * engine take back what was done, end its waiting for others and let it finish
   * what has begun, or end it in good order, as what is meant to be ended so.
   */
  readonly onSignal: 'stop' | 'undo' | 'finish' | 'end'
  /** @returns the exit code */
  run(invocation: Invocation, session: S): Promise<number>
}

/** Commands that belong together, as the help lists them. */
export interface CommandFamily<S extends VerbSession = Session> {
  readonly title: string
  readonly commands: readonly CommandDefinition<S>[]
}

/** Flags every command knows, before or behind its name. */
export interface GlobalFlags {
  readonly stateDir?: string
  readonly firewall?: string
  readonly json: boolean
  readonly verbose: boolean
  readonly quiet: boolean
}

/** Values of a command's own flags by their long name in camel case. */
export type Flags = Readonly<Record<string, string | boolean | readonly string[] | undefined>>

export interface Invocation {
  readonly args: readonly string[]
  /** The program and its arguments, of commands that take one. */
  readonly program: readonly string[]
  readonly flags: Flags
  readonly globals: GlobalFlags
}

/** The program a command belongs to, as the daemon needs it. */
export interface ProgramSelf {
  /** Where it was started from; absent in tests. */
  readonly file?: string
  /** What the daemon can run instead of starting a process. */
  functions(): Promise<Programs>
}

/** What a command works with. Library and engine are loaded when first asked for: `version` needs neither. */
export interface VerbSession {
  readonly io: Io
  readonly program: ProgramSelf
  /** Colours of standard output. */
  readonly palette: Palette
  lib(): Promise<VerbLib>
  engine(): Promise<Engine>
  /** Aborted by SIGINT or SIGTERM while a command of kind `undo`, `finish` or `end` runs. */
  abortSignal(): AbortSignal
  /** Tells on the terminal, after a second, that `what` is still being waited for. */
  waitFor<T>(what: string, work: Promise<T>, cause?: Cause): Promise<T>
}

/** What all commands but the hot ones may also use. */
export interface Session extends VerbSession {
  lib(): Promise<Lib>
  /** Every namespace of this machine; told of on the terminal where that takes long. */
  inventory(): Promise<Inventory>
  /** A page of the help. */
  page(path: readonly string[]): string
  /** All pages of the help as man pages, by file name. */
  manPages(): Promise<ReadonlyMap<string, string>>
  /** Every command there is. */
  readonly families: readonly CommandFamily[]
}

/** A flag that may be given once. */
export function textFlag(flags: Flags, name: string): string | undefined {
  const value = flags[name]
  return typeof value === 'string' ? value : undefined
}

/** A repeatable flag; empty where it was not given. */
export function listFlag(flags: Flags, name: string): readonly string[] {
  const value = flags[name]
  return Array.isArray(value) ? value : []
}

export function switchFlag(flags: Flags, name: string): boolean {
  return flags[name] === true
}

/** `addHost`, as values of flags are called, as people write it: `add-host`. */
export function dashed(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}
