/**
 * A plugin as a program: this process's environment and standard streams.
 *
 * @module
 */

import { readFileSync, writeSync } from 'node:fs'
import { callerOf } from '../caller.ts'
import type { Plugin } from './plugin.ts'
import { type PluginIo, runPlugin } from './run.ts'

/** The engine is loaded when a plugin first asks for it. */
export const processIo: PluginIo = {
  env: process.env,
  caller: () => callerOf('self'),
  stdin: () => readFileSync(0, 'utf8'),
  stdout: (text) => void writeSync(1, text),
  stderr: (text) => void writeSync(2, text),
  openEngine: async () =>
    (await import('./engine.ts')).openPluginEngine({
      onWarning: (text) => void writeSync(2, `tsnet: ${text}\n`),
    }),
}

/** Answers the one call this process was started for, and leaves its exit code in `process.exitCode`. */
export async function servePlugin(plugin: Plugin): Promise<void> {
  process.exitCode = await runPlugin(plugin, processIo)
}
