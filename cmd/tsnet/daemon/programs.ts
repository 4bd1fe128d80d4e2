/**
 * What the daemon runs for a launcher: the same functions the Node programs are
 * made of, with streams, folder and environment of the caller.
 *
 * @module
 */

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { callerOf } from '../../../lib/adapters/caller.ts'
import { type PluginIo, runPlugin } from '../../../lib/adapters/cni/run.ts'
import type { Program, ProgramCall, Programs } from '../../../lib/daemon.ts'
import { plugins } from '../../../plugins/registry.ts'
import type { Io } from '../io.ts'
import { run } from '../run.ts'

const tsnet: Program = (call) =>
  run(call.argv, { io: ioOf(call), signals: call.signals, openEngine: call.openEngine })

function ioOf({ stdout, stderr, env, cwd, stdin }: ProgramCall): Io {
  const stateDir = env['TSNET_STATE_DIR']
  return {
    stdout,
    stderr,
    cwd,
    env: stateDir ? { ...env, TSNET_STATE_DIR: resolve(cwd, stateDir) } : env,
    read: async (path) => (path === '-' ? stdin : readFileSync(resolve(cwd, path), 'utf8')),
  }
}

/** `cni/bridge` is the plugin `bridge`; `cni/tsnet` is not the command of that name. */
function pluginProgram(name: string): Program {
  return async (call) => {
    const plugin = await plugins[name]?.()
    if (plugin === undefined) throw new Error(`no CNI plugin ${name}`)
    const io: PluginIo = {
      env: call.env,
      caller: () => callerOf(call.pid),
      stdin: () => call.stdin,
      stdout: (text) => call.stdout.write(text),
      stderr: (text) => call.stderr.write(text),
      openEngine: async () =>
        (await import('../../../lib/adapters/cni/engine.ts')).openPluginEngine(
          { onWarning: call.warn },
          call.kernel({}),
        ),
    }
    return runPlugin(plugin, io)
  }
}

const netavark: Program = async (call) => {
  const { runNetavark } = await import('../../../lib/adapters/netavark/run.ts')
  return runNetavark({
    argv: call.argv,
    env: call.env,
    cwd: call.cwd,
    caller: callerOf(call.pid),
    stdin: () => call.stdin,
    stdout: (text) => call.stdout.write(text),
    stderr: (text) => call.stderr.write(text),
    signals: call.signals,
    openEngine: async () =>
      (await import('../../../lib/adapters/netavark/engine.ts')).openPluginEngine(
        { onWarning: call.warn },
        call.kernel({}),
      ),
  })
}

const hook: Program = async (call) => {
  const { runHook } = await import('../../../lib/adapters/oci/run.ts')
  const stateDir = call.env['TSNET_STATE_DIR']
  return runHook({
    argv: call.argv,
    stdin: () => call.stdin,
    stderr: (text) => call.stderr.write(text),
    openEngine: () => call.openEngine(stateDir ? { stateDir: resolve(call.cwd, stateDir) } : {}),
  })
}

export const programs: Programs = {
  tsnet,
  'hooks/tsnet-hook': hook,
  'podman/netavark': netavark,
  ...Object.fromEntries(Object.keys(plugins).map((name) => [`cni/${name}`, pluginProgram(name)])),
}
