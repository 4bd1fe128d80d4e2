/**
 * The dispatcher: from environment and standard input to one JSON document and
 * an exit code.
 *
 * Everything it touches is passed in, so the protocol is tested without a
 * process. Checks in the order of the reference library: names of variables,
 * their values, standard input, JSON, version, then the plugin.
 *
 * @module
 */

import type { PluginEngine } from '../../engine/plugins.ts'
import { type NetConf, readConf, versionIn } from './config.ts'
import { type Call, type Command, readCall } from './environment.ts'
import { asCniError, type CniError, cniError, encodeError } from './errors.ts'
import type { Plugin, Request } from './plugin.ts'
import { encodeResult } from './result.ts'
import { type CniVersion, isAtLeast, newestVersion } from './versions.ts'

export interface PluginIo {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Whose call it is: `callerOf` its process. */
  readonly caller: () => string
  /** All of standard input. */
  readonly stdin: () => string
  readonly stdout: (text: string) => void
  readonly stderr: (text: string) => void
  readonly openEngine: () => Promise<PluginEngine>
}

/** Told without `CNI_COMMAND`; engines read the plugin's version there and compare it with the reference's. */
const pluginVersion = 'v1.9.1+tsnet.0.1.0'

/** The first version that has the command. */
const since: Partial<Record<Command, CniVersion>> = { CHECK: '0.4.0', GC: '1.1.0', STATUS: '1.1.0' }

/** @returns the exit code; never throws */
export async function runPlugin(plugin: Plugin, io: PluginIo): Promise<number> {
  const command = io.env['CNI_COMMAND'] ?? ''
  if (command === '') {
    io.stderr(`CNI ${plugin.type} plugin ${pluginVersion}\n`)
    io.stderr(`CNI protocol versions supported: ${plugin.versions.join(', ')}\n`)
    return 0
  }
  let text = ''
  try {
    const call = readCall(io.env)
    if (call.command === 'VERSION') {
      print(io, { cniVersion: newestVersion, supportedVersions: plugin.versions })
      return 0
    }
    text = readInput(io)
    await dispatch(plugin, io, call, readConf(text, plugin.versions))
    return 0
  } catch (error) {
    const failure: CniError = asCniError(error)
    io.stdout(encodeError(failure, versionIn(text)))
    return 1
  }
}

function readInput(io: PluginIo): string {
  try {
    return io.stdin()
  } catch (error) {
    throw cniError('io', `error reading from stdin: ${(error as Error).message}`)
  }
}

async function dispatch(plugin: Plugin, io: PluginIo, call: Call, conf: NetConf): Promise<void> {
  const oldest = since[call.command]
  if (oldest !== undefined && !isAtLeast(conf.cniVersion, oldest)) {
    throw cniError('incompatibleVersion', `config version does not allow ${call.command}`)
  }
  if (call.command === 'CHECK' && conf.prevResult === undefined)
    throw cniError('config', 'Required prevResult missing')
  let opening: Promise<PluginEngine> | undefined
  const request: Request = {
    call,
    conf,
    env: io.env,
    log: (line) => io.stderr(`${plugin.type}: ${line}\n`),
    caller: io.caller,
    engine: () => {
      opening ??= io.openEngine()
      return opening
    },
  }
  try {
    await refuseOwnNetns(request)
    await act(plugin, io, request)
  } finally {
    await (await opening?.catch(() => undefined))?.close()
  }
}

async function act(plugin: Plugin, io: PluginIo, request: Request): Promise<void> {
  switch (request.call.command) {
    case 'ADD':
      print(io, encodeResult(await plugin.add(request), request.conf.cniVersion))
      return
    case 'DEL':
      return plugin.del(request)
    case 'CHECK':
      return plugin.check(request)
    case 'GC':
      return plugin.gc(request)
    case 'STATUS':
      return plugin.status(request)
    case 'VERSION':
  }
}

/** Before anything is done; the reference library looks after it has all been done. */
async function refuseOwnNetns({ call, engine }: Request): Promise<void> {
  const { command, netns, ownNetnsAllowed } = call
  if (netns === '' || ownNetnsAllowed || (command !== 'ADD' && command !== 'DEL')) return
  if (!(await engine()).isOwnNetns(netns)) return
  throw cniError('netns', `plugin's netns and netns from CNI_NETNS should not be the same: ${netns}`)
}

function print(io: PluginIo, document: unknown): void {
  io.stdout(`${JSON.stringify(document, null, 4)}\n`)
}
