/**
 * What every verb works with.
 *
 * @module
 */

import type { PluginEngine } from '../../engine/plugins.ts'
import type { CommandLine } from './commandline.ts'
import type { Log } from './log.ts'
import type { FirewallDriver } from './options.ts'
import type { Joining, Network, NetworkOptions } from './request.ts'

/** Signals the caller sends; where nobody listens they end the call. */
export interface CallSignals {
  on(name: 'SIGINT' | 'SIGTERM', listener: () => void): unknown
}

export interface Call {
  readonly line: CommandLine
  readonly env: Readonly<Record<string, string | undefined>>
  readonly log: Log
  /** Whose call it is: see `callerOf`. */
  readonly caller: string
  /** A single network, asked for by another netavark: it has its own files. */
  readonly asPlugin?: true
  /** Passed through, of plugins. */
  stderr(text: string): void
  readonly signals: CallSignals
  /** Standard input, or the file named instead. @throws NetavarkError */
  input(): string
  /** Opened at first use. */
  engine(): Promise<PluginEngine>
}

/** One network of one call. */
export interface Attaching {
  readonly call: Call
  readonly engine: PluginEngine
  readonly options: NetworkOptions
  readonly network: Network
  readonly joining: Joining
  readonly firewall: FirewallDriver | undefined
}

/** What is asked for, with whose call it is: a second setup is a conflict, and never a repeat of the first. */
export function callLabels({ caller }: Call): Readonly<Record<string, string>> {
  return { engine: 'netavark', call: caller }
}

/** As podman names interfaces: `eth3` is the fourth. */
export function interfaceNumber(ifname: string): number {
  return Number(/\d{1,4}$/.exec(ifname)?.[0] ?? 0)
}
