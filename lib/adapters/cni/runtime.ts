/**
 * The other side of the protocol: what an engine does with a network
 * configuration list, as libcni does it, with libcni's cache.
 *
 * @see https://github.com/containernetworking/cni/blob/main/SPEC.md#section-3-execution-of-network-configurations
 * @module
 */

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { PluginEngine } from '../../engine/plugins.ts'
import { fail, together } from '../../errors/codes.ts'
import { parseJson } from '../../model/json.ts'
import { findPlugin } from './delegate.ts'
import type { Command } from './environment.ts'
import type { NetworkList } from './lists.ts'
import { allVersions, isAtLeast } from './versions.ts'

type Json = Readonly<Record<string, unknown>>

export interface RuntimeCall {
  readonly list: NetworkList
  readonly id: string
  readonly ifname: string
  readonly netns: string
  readonly args: string
  /** Capability arguments, for plugins that declare them. */
  readonly capabilities: Json
  /** Folders with executables. */
  readonly path: readonly string[]
}

/** An attachment as libcni notes it. */
export interface CachedAttachment {
  /** `cniCacheV1`. */
  readonly kind?: string
  /** The configuration list, in base64. */
  readonly config?: string
  readonly networkName: string
  readonly containerId: string
  readonly ifName: string
  readonly netns: string
  readonly cniArgs?: readonly (readonly [string, string])[]
  readonly capabilityArgs?: Json
  readonly result: Json
}

export const defaultPluginDir = '/opt/cni/bin'
const cacheDir = '/var/lib/cni/results'

/** Forwards, each with the result of the one before; the last result is noted. */
export async function addNetwork(engine: PluginEngine, call: RuntimeCall): Promise<Json> {
  let result: Json = {}
  for (const [i, plugin] of call.list.plugins.entries()) {
    const text = await runOne(engine, 'ADD', call, plugin, i === 0 ? {} : { prevResult: result })
    result = parseJson(text, `the result of ${String(plugin['type'])}`) as Json
  }
  writeCache(call, result)
  return result
}

/** Backwards, with the noted result; what is noted goes last. */
export async function delNetwork(engine: PluginEngine, call: RuntimeCall): Promise<void> {
  const noted = readCache(cacheFile(call))
  const more = noted !== undefined && atLeast(call.list, '0.4.0') ? { prevResult: noted.result } : {}
  const whole = withNoted(call, noted)
  for (const plugin of [...call.list.plugins].reverse()) await runOne(engine, 'DEL', whole, plugin, more)
  rmSync(cacheFile(call), { force: true })
}

/** @throws TSNET_NO_SUCH_CONTAINER (notFound) where nothing is noted */
export async function checkNetwork(engine: PluginEngine, call: RuntimeCall): Promise<void> {
  const noted = readCache(cacheFile(call))
  if (noted === undefined) {
    throw fail('TSNET_NO_SUCH_CONTAINER', {
      message: `checking ${call.id} on ${call.list.name}: it was not attached from here`,
      value: call.id,
      hint: '"tsnet cni list" shows all',
    })
  }
  if (call.list.disableCheck) return
  const { result: prevResult } = noted
  for (const plugin of call.list.plugins)
    await runOne(engine, 'CHECK', withNoted(call, noted), plugin, { prevResult })
}

/** What ADD was told and the caller does not say again: ports to look for, a MAC, aliases. */
function withNoted(call: RuntimeCall, noted: CachedAttachment | undefined): RuntimeCall {
  const { cniArgs = [], capabilityArgs = {} } = noted ?? {}
  return {
    ...call,
    args: call.args === '' ? cniArgs.map((pair) => pair.join('=')).join(';') : call.args,
    capabilities: Object.keys(call.capabilities).length === 0 ? capabilityArgs : call.capabilities,
  }
}

/**
 * Attachments whose namespace is gone are deleted; then every plugin removes what is in no list. Goes on over errors, so
 * that one that cannot be deleted keeps none of the others, and throws the first at the end, the others with it.
 */
export async function gcNetwork(
  engine: PluginEngine,
  call: RuntimeCall,
): Promise<readonly CachedAttachment[]> {
  const cached = listCached().filter(({ networkName }) => networkName === call.list.name)
  const dead = cached.filter(({ netns }) => !existsSync(netns))
  const errors: unknown[] = []
  const note = (error: unknown): void => void errors.push(error)
  for (const { containerId: id, ifName: ifname } of dead)
    await delNetwork(engine, { ...call, id, ifname, netns: '' }).catch(note)
  const valid = cached
    .filter((one) => !dead.includes(one))
    .map(({ containerId: containerID, ifName: ifname }) => ({ containerID, ifname }))
  if (atLeast(call.list, '1.1.0') && !call.list.disableGC) {
    for (const plugin of call.list.plugins)
      await runOne(engine, 'GC', call, plugin, { 'cni.dev/valid-attachments': valid }).catch(note)
  }
  if (errors.length > 0) throw together(errors)
  return dead
}

/** @throws TSNET_NOT_SUPPORTED (unsupported) where the list is older than 1.1.0 */
export async function statusNetwork(engine: PluginEngine, call: RuntimeCall): Promise<void> {
  if (!atLeast(call.list, '1.1.0')) {
    throw fail('TSNET_NOT_SUPPORTED', {
      message: `asking ${call.list.name} for its status: its cniVersion ${call.list.cniVersion} has none`,
      field: 'cniVersion',
      value: call.list.cniVersion,
      hint: 'raise it to 1.1.0',
    })
  }
  for (const plugin of call.list.plugins) await runOne(engine, 'STATUS', call, plugin, {})
}

function atLeast(list: NetworkList, version: '0.4.0' | '1.1.0'): boolean {
  const known = allVersions.find((one) => one === list.cniVersion)
  return known !== undefined && isAtLeast(known, version)
}

/** @throws TSNET_PROGRAM_FAILED (internal) with what the plugin said */
async function runOne(
  engine: PluginEngine,
  command: Command,
  call: RuntimeCall,
  plugin: Json,
  more: Json,
): Promise<string> {
  const type = String(plugin['type'] ?? '')
  const declared = (plugin['capabilities'] ?? {}) as Json
  const runtimeConfig = Object.fromEntries(
    Object.entries(call.capabilities).filter(([key]) => declared[key] === true),
  )
  const conf = {
    ...plugin,
    name: call.list.name,
    cniVersion: call.list.cniVersion,
    ...(Object.keys(runtimeConfig).length === 0 ? {} : { runtimeConfig }),
    ...more,
  }
  const env = {
    ...process.env,
    CNI_COMMAND: command,
    CNI_CONTAINERID: call.id,
    CNI_NETNS: call.netns,
    CNI_IFNAME: call.ifname,
    CNI_ARGS: call.args,
    CNI_PATH: call.path.join(':'),
  }
  const result = await engine.runProgram(findPlugin(type, call.path), { input: JSON.stringify(conf), env })
  if (result.exitCode === 0) return result.stdout
  throw fail('TSNET_PROGRAM_FAILED', {
    message: `${command} of ${type}: ${saidBy(result.stdout) ?? (result.stderr.trim() || `exit code ${result.exitCode}`)}`,
    value: type,
  })
}

function saidBy(stdout: string): string | undefined {
  try {
    const { code, msg, details } = JSON.parse(stdout) as { code?: number; msg?: string; details?: string }
    return msg === undefined
      ? undefined
      : `${msg} (code ${code})${details === undefined ? '' : `: ${details}`}`
  } catch {
    return undefined
  }
}

function cacheFile({ list, id, ifname }: RuntimeCall): string {
  return `${cacheDir}/${list.name}-${id}-${ifname}`
}

function writeCache(call: RuntimeCall, result: Json): void {
  mkdirSync(cacheDir, { recursive: true, mode: 0o700 })
  const document = {
    kind: 'cniCacheV1',
    containerId: call.id,
    config: Buffer.from(JSON.stringify(call.list.json)).toString('base64'),
    ifName: call.ifname,
    networkName: call.list.name,
    netns: call.netns,
    ...(call.args === '' ? {} : { cniArgs: call.args.split(';').map((pair) => pair.split('=')) }),
    capabilityArgs: call.capabilities,
    result,
  }
  writeFileSync(cacheFile(call), JSON.stringify(document), { mode: 0o600 })
}

/** A broken file counts as none: DEL goes on without it. */
function readCache(file: string): CachedAttachment | undefined {
  try {
    const json = JSON.parse(readFileSync(file, 'utf8')) as Partial<CachedAttachment>
    return json.result === undefined ? undefined : (json as CachedAttachment)
  } catch {
    return undefined
  }
}

/** Every attachment some engine, or we, have noted. */
export function listCached(): readonly CachedAttachment[] {
  if (!existsSync(cacheDir)) return []
  return readdirSync(cacheDir)
    .sort()
    .flatMap((name) => readCache(`${cacheDir}/${name}`) ?? [])
}
