/**
 * Drivers that are programs: an executable named like the driver in one of the
 * plugin folders, the first one found. No names, no packet rules of ours.
 *
 * @module
 */

import { basename } from 'node:path'
import { findProgram, type PluginEngine } from '../../engine/plugins.ts'
import type { Attaching, Call } from './call.ts'
import { NetavarkError, within } from './errors.ts'
import type { StatusBlock } from './status.ts'

/** @returns undefined where there is none */
export function findPlugin(driver: string, folders: readonly string[]): string | undefined {
  if (driver === '' || basename(driver) !== driver) return undefined
  return findProgram(driver, folders)
}

/** @returns what the plugin printed, undefined where it printed nothing */
export async function runPlugin(
  path: string,
  args: readonly string[],
  input: unknown,
  { engine, call }: { readonly engine: PluginEngine; readonly call: Call },
): Promise<unknown> {
  const context = `plugin ${basename(path)} failed`
  const { exitCode, stdout, stderr } = await engine
    .runProgram([path, ...args], { input: JSON.stringify(input), env: { ...call.env } })
    .catch((error: unknown) => {
      throw within(context, error)
    })
  if (stderr !== '') call.stderr(stderr)
  let answer: unknown
  try {
    answer = stdout.trim() === '' ? undefined : JSON.parse(stdout)
  } catch (error) {
    throw within(context, error)
  }
  if (exitCode === 0) return answer
  const said = (answer as { readonly error?: unknown } | undefined)?.error
  const words = typeof said === 'string' ? `message: ${said}` : 'and it printed no error'
  throw new NetavarkError(`${context}: exit code ${exitCode}, ${words}`)
}

export async function setupPlugin(attaching: Attaching, path: string): Promise<StatusBlock> {
  const { call } = attaching
  const answer = await runPlugin(path, ['setup', call.line.arg], pluginInput(attaching), attaching)
  if (typeof answer === 'object' && answer !== null) return answer as StatusBlock
  throw new NetavarkError(`plugin ${basename(path)} failed: it printed no status`)
}

export async function teardownPlugin(attaching: Attaching, path: string): Promise<void> {
  await runPlugin(path, ['teardown', attaching.call.line.arg], pluginInput(attaching), attaching)
}

/** Network and wishes as they came, with all fields we do not know. */
function pluginInput({ call, options, network, joining }: Attaching): unknown {
  const raw = JSON.parse(call.input()) as {
    readonly networks: Readonly<Record<string, unknown>> | readonly { readonly name: string }[]
    readonly network_info: Readonly<Record<string, unknown>>
    readonly port_mappings?: unknown
  }
  const own = Array.isArray(raw.networks)
    ? raw.networks.find((one) => one.name === network.name && one.interface_name === joining.ifname)
    : (raw.networks as Readonly<Record<string, unknown>>)[network.name]
  return {
    container_id: options.containerId,
    container_name: options.containerName,
    port_mappings: raw.port_mappings ?? null,
    network: raw.network_info[network.name],
    network_options: own,
  }
}
