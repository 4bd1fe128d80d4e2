/**
 * netavark as a function: arguments and standard input in; at most one JSON
 * document and an exit code out.
 *
 * Everything it touches is passed in, so the contract is tested without a
 * process, and the daemon can be the one who runs it.
 *
 * @module
 */

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { PluginEngine } from '../../engine/plugins.ts'
import { runAsPlugin } from './asplugin.ts'
import type { Call, CallSignals } from './call.ts'
import { type CommandLine, readCommandLine, type Verb } from './commandline.ts'
import { encodeError, ioText, NetavarkError, UsageFault } from './errors.ts'
import { createLog } from './log.ts'
import { setup } from './setup.ts'
import { teardown } from './teardown.ts'
import { netavarkVersion, versionJson } from './versioninfo.ts'

export { callerOf } from '../caller.ts'

export interface NetavarkIo {
  /** Without the program itself. */
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  /** What relative paths start from. */
  readonly cwd: string
  /** Whose call it is: `callerOf` its process. */
  readonly caller: string
  /** All of standard input. */
  readonly stdin: () => string
  readonly stdout: (text: string) => void
  readonly stderr: (text: string) => void
  readonly signals: CallSignals
  readonly openEngine: () => Promise<PluginEngine>
}

/** @returns what is printed */
const verbs: Readonly<Record<Verb, (call: Call) => Promise<string> | string>> = {
  setup,
  teardown,
  update: async (call) => (await import('./update.ts')).update(call),
  create: async (call) => (await import('./create.ts')).create(call),
  'firewall-reload': async (call) => (await import('./reload.ts')).firewallReload(call),
  'firewalld-reload': async (call) => (await import('./reload.ts')).firewalldReload(call),
  version: async (call) => {
    const engine = await call.engine().catch(() => undefined)
    return versionJson(netavarkVersion, engine === undefined ? {} : { default_fw_driver: engine.firewall })
  },
}

/** @returns the exit code; never throws */
export async function runNetavark(io: NetavarkIo): Promise<number> {
  let opening: Promise<PluginEngine> | undefined
  try {
    const line = readCommandLine(io.argv, netavarkVersion)
    if ('say' in line) {
      io.stdout(line.say)
      return 0
    }
    if (line.rootless) throw rootless()
    const call = callOf(absolute(line, io.cwd), io, () => {
      opening ??= io.openEngine()
      return opening
    })
    io.stdout(await verbs[line.verb](call))
    return 0
  } catch (error) {
    if (error instanceof UsageFault) {
      io.stderr(error.message)
      return 2
    }
    io.stdout(encodeError(error))
    return 1
  } finally {
    await (await opening?.catch(() => undefined))?.close()
  }
}

/** The same under the name `tsnet`, as another netavark's plugin. @returns the exit code; never throws */
export async function runNetavarkPlugin(io: NetavarkIo): Promise<number> {
  let opening: Promise<PluginEngine> | undefined
  const open = (): Promise<PluginEngine> => {
    opening ??= io.openEngine()
    return opening
  }
  try {
    return await runAsPlugin({
      ...{ argv: io.argv, stdin: io.stdin, stdout: io.stdout },
      call: (verb, input, netns) => ({
        ...callOf(pluginLine(verb, resolve(io.cwd, netns)), io, open),
        input: () => JSON.stringify(input),
        asPlugin: true,
      }),
    })
  } finally {
    await (await opening?.catch(() => undefined))?.close()
  }
}

const pluginLine = (verb: Verb, arg: string): CommandLine => ({
  ...{ verb, arg, rootless: false, pluginFolders: [], dnsServers: [] },
  ...{ config: undefined, file: undefined, aardvark: undefined, firewall: undefined },
})

function absolute(line: CommandLine, cwd: string): CommandLine {
  const { config, file, arg, verb } = line
  return {
    ...line,
    arg: verb === 'setup' || verb === 'teardown' ? resolve(cwd, arg) : arg,
    config: config === undefined ? undefined : resolve(cwd, config),
    file: file === undefined ? undefined : resolve(cwd, file),
    pluginFolders: line.pluginFolders.map((folder) => resolve(cwd, folder)),
  }
}

function callOf(line: CommandLine, io: NetavarkIo, engine: () => Promise<PluginEngine>): Call {
  let text: string | undefined
  return {
    line,
    env: io.env,
    caller: io.caller,
    log: createLog(io.env['RUST_LOG'], io.stderr),
    stderr: io.stderr,
    signals: io.signals,
    engine,
    input: () => {
      text ??= read(line, io)
      return text
    },
  }
}

function read({ file }: CommandLine, { stdin }: NetavarkIo): string {
  try {
    return file === undefined ? stdin() : readFileSync(file, 'utf8')
  } catch (error) {
    throw new NetavarkError(ioText(error))
  }
}

/** decisions 34 */
function rootless(): NetavarkError {
  return new NetavarkError(
    "rootless containers are not supported by tsnet's netavark: use podman as root, or its own netavark",
  )
}
