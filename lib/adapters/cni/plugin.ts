/**
 * What a plugin is: five functions, all of them required.
 *
 * @module
 */

import type { PluginEngine } from '../../engine/plugins.ts'
import type { NetConf } from './config.ts'
import type { Call } from './environment.ts'
import type { CniResult } from './result.ts'
import type { CniVersion } from './versions.ts'

/** One call, decoded. */
export interface Request {
  readonly call: Call
  readonly conf: NetConf
  /** The engine, opened at first use. */
  engine(): Promise<PluginEngine>
  /** The environment as it came, for delegates. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Whose call it is, the same however often a launcher makes it. */
  caller(): string
  /** A line for the engine's log. */
  log(text: string): void
}

/** A CNI plugin: what it is called, and one function for each command. */
export interface Plugin {
  readonly type: string
  /** One sentence. */
  readonly about: string
  readonly versions: readonly CniVersion[]
  /** @returns the result for the next plugin; on failure nothing of it is left */
  add(request: Request): Promise<CniResult>
  /** Never fails because something is gone. */
  del(request: Request): Promise<void>
  /** @throws CniError where something is not as ADD left it */
  check(request: Request): Promise<void>
  /** Removes what belongs to this network and to none of `conf.valid`; goes on over errors. */
  gc(request: Request): Promise<void>
  /** @throws CniError 50 or 51 when ADD would fail */
  status(request: Request): Promise<void>
}

/** Checked by its type; a place for what all plugins share one day. */
export function definePlugin(plugin: Plugin): Plugin {
  return plugin
}
