/**
 * tsnet as a driver of somebody else's netavark: the executable `tsnet` in one
 * of its plugin folders, for networks with `--driver tsnet`. One network a call,
 * which is a bridge network in all but the name.
 *
 * @module
 */

import { shortHash } from '../../model/hash.ts'
import { tsnetVersion } from '../../model/version.ts'
import type { Call } from './call.ts'
import { encodeError, NetavarkError } from './errors.ts'
import type { StatusBlock } from './status.ts'

const apiVersion = '1.0.0'
const driver = 'tsnet'

type Json = Readonly<Record<string, unknown>>

export interface PluginIo {
  /** Without the program itself. */
  readonly argv: readonly string[]
  readonly stdin: () => string
  readonly stdout: (text: string) => void
  /** A call of our netavark, with that input. */
  readonly call: (verb: 'create' | 'setup' | 'teardown', input: Json, netns: string) => Call
}

/** @returns the exit code; never throws */
export async function runAsPlugin(io: PluginIo): Promise<number> {
  try {
    io.stdout(await answer(io))
    return 0
  } catch (error) {
    io.stdout(encodeError(error))
    return 1
  }
}

async function answer({ argv, stdin, call }: PluginIo): Promise<string> {
  const [verb, netns = ''] = argv
  switch (verb) {
    case 'info':
      return `${JSON.stringify({ version: tsnetVersion, api_version: apiVersion })}\n`
    case 'create': {
      const network = objectOf(stdin(), 'network')
      const made = await (await import('./create.ts')).create(call('create', createRequest(network), ''))
      return `${JSON.stringify({ ...(JSON.parse(made) as Json), driver: network['driver'] })}\n`
    }
    case 'setup': {
      const input = objectOf(stdin(), 'call')
      const made = await (await import('./setup.ts')).setup(call('setup', networkOptions(input), netns))
      const [status = {}] = Object.values(JSON.parse(made) as Readonly<Record<string, StatusBlock>>)
      return `${JSON.stringify(status)}\n`
    }
    case 'teardown': {
      const input = objectOf(stdin(), 'call')
      return (await import('./teardown.ts')).teardown(call('teardown', networkOptions(input), netns))
    }
    default:
      throw new NetavarkError(
        `unknown command ${JSON.stringify(verb ?? '')}: create, setup, teardown or info`,
      )
  }
}

function objectOf(text: string, what: string): Json {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new NetavarkError(
      `failed to load ${what}: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json
  throw new NetavarkError(`failed to load ${what}: it is no object`)
}

/** What is used already is not told here, so that a subnet is looked for first where the network's name leads. */
function createRequest(network: Json): Json {
  const start = Number.parseInt(shortHash([String(network['name'])], 2), 16)
  return {
    network: { ...network, driver: 'bridge' },
    options: {
      subnet_pools: [
        { base: `10.90.${start}.0/24`, size: 24 },
        { base: '10.91.0.0/16', size: 24 },
      ],
      default_interface_name: driver,
      check_used_subnets: false,
    },
  }
}

function networkOptions({ network, network_options, ...rest }: Json): Json {
  const { name } = (network ?? {}) as Json
  return {
    ...rest,
    networks: [{ ...(network_options as Json | undefined), name }],
    network_info: { [String(name)]: { ...(network as Json | undefined), driver: 'bridge' } },
  }
}
