/**
 * Where drivers come from: handed over by a program that uses the library, or
 * programs named in the host's configuration. Both only decide; what they
 * answer is planned, journalled and taken back like everything else.
 *
 * @module
 */

import type { BridgeAttachmentInput } from '../drivers/bridge.ts'
import {
  type Driver,
  type DriverEndpoint,
  type DriverNetwork,
  type Drivers,
  driverEndpoint,
  planDriven,
} from '../drivers/driver.ts'
import { decodeEndpointAnswer, decodeNetworkAnswer } from '../drivers/driverjson.ts'
import { asTsnetError, fail } from '../errors/codes.ts'
import { parseJson } from '../model/json.ts'
import { nearest } from '../model/nearest.ts'
import type { CreateNetworkRequest, NetworkConfig } from '../model/network.ts'
import type { AttachmentPlan } from '../plan/plan.ts'
import type { Step } from '../plan/step.ts'
import { bridgeMtu } from './attach/linkchoice.ts'
import type { EngineContext } from './context.ts'

/** How long a driver that is a program may think. */
const limitMs = 10_000

export function driversOf(
  given: readonly Driver[],
  programs: Readonly<Record<string, string>>,
  ask: AskProgram,
): Drivers {
  const external = Object.entries(programs).map(([name, path]) => externalDriver(name, path, ask))
  return new Map([...external, ...given].map((driver) => [driver.name, driver]))
}

/** Starts a program. @returns what it printed */
export type AskProgram = (
  argv: readonly [string, ...string[]],
  options: { readonly input: string; readonly timeoutMs: number },
) => Promise<{ readonly exitCode: number; readonly stdout: string; readonly stderr: string }>

/** Somebody else decides how this network and its endpoints come to be. */
export function isDriven({ driver }: Pick<NetworkConfig, 'driver'>): boolean {
  return driver !== 'bridge' && driver !== 'host' && driver !== 'none'
}

/**
 * Refuses what cannot be made, before anything is.
 *
 * @throws TSNET_BAD_VALUE (invalid) for an unknown driver or option
 */
export function checkDriven(context: EngineContext, request: CreateNetworkRequest): void {
  const { options } = findDriver(context, request.driver, `creating network ${request.name}`)
  if (options === undefined) return
  const known = ['mtu', ...Object.keys(options)]
  for (const key of Object.keys(request.driverOptions ?? {})) {
    if (known.includes(key)) continue
    throw fail('TSNET_BAD_VALUE', {
      message: `creating network ${request.name}: driver ${request.driver} has no option "${key}"`,
      field: 'options',
      value: key,
      hint: nearest(key, known) ?? `known are ${known.join(', ')}`,
    })
  }
}

/** What endpoints of the network share. */
export async function planDrivenNetwork(
  context: EngineContext,
  config: NetworkConfig,
): Promise<readonly Step[]> {
  const driver = findDriver(context, config.driver, `making network ${config.name}`)
  const network = toldOf(config, await bridgeMtu(context, config))
  return asking(`making network ${config.name}`, driver, async () => driver.network(network))
}

/** @param networkMtu of the network; the endpoint may have another one */
export async function planDrivenEndpoint(
  context: EngineContext,
  input: BridgeAttachmentInput,
  networkMtu: number,
): Promise<AttachmentPlan> {
  const { config, ifname } = input
  const doing = `connecting ${ifname} to network ${config.name}`
  const driver = findDriver(context, config.driver, doing)
  const endpoint = driverEndpoint(input, toldOf(config, networkMtu))
  return planDriven(input, await asking(doing, driver, async () => driver.endpoint(endpoint)))
}

function findDriver({ drivers }: EngineContext, name: string, doing: string): Driver {
  const driver = drivers.get(name)
  if (driver !== undefined) return driver
  const known = ['bridge', ...drivers.keys()]
  throw fail('TSNET_BAD_VALUE', {
    message: `${doing}: there is no driver "${name}"`,
    field: 'driver',
    value: name,
    hint: nearest(name, known) ?? `known are ${known.join(', ')}; /etc/tsnet/config.json names further ones`,
  })
}

function toldOf(config: NetworkConfig, mtuBytes: number): DriverNetwork {
  const { name, internal, subnets, driverOptions = {} } = config
  return { name, link: config.options.bridge, internal, subnets, mtuBytes, options: driverOptions }
}

/** Whatever a driver throws is its refusal. */
async function asking<T>(doing: string, { name }: Driver, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const cause = asTsnetError(error)
    if (cause.code !== 'TSNET_INTERNAL') throw error
    throw fail('TSNET_STEP_FAILED', {
      message: `${doing}: driver ${name}: ${error instanceof Error ? error.message : String(error)}`,
      field: 'driver',
      value: name,
      hint: 'nothing has been changed; the driver says what it lacks',
      cause: error,
    })
  }
}

function externalDriver(name: string, path: string, ask: AskProgram): Driver {
  const answer = async (
    verb: 'network' | 'endpoint',
    told: DriverNetwork | DriverEndpoint,
  ): Promise<unknown> => {
    const input = `${JSON.stringify({ version: 1, [verb]: told })}\n`
    const { exitCode, stdout, stderr } = await ask([path, verb], { input, timeoutMs: limitMs })
    if (exitCode === 0) return parseJson(stdout, `the answer of driver ${name}`)
    throw new Error(
      stderr.trim().split('\n').at(-1) || `${path} ${verb} has ended with exit code ${exitCode}`,
    )
  }
  return {
    name,
    about: path,
    network: async (network) => decodeNetworkAnswer(await answer('network', network), `driver ${name}`),
    endpoint: async (endpoint) => decodeEndpointAnswer(await answer('endpoint', endpoint), `driver ${name}`),
  }
}
