/**
 * The environment a plugin is called with: which variables each command needs,
 * and `CNI_ARGS`.
 *
 * @see https://github.com/containernetworking/cni/blob/main/SPEC.md#parameters
 * @module
 */

import { isContainerName, isIfname } from '../../model/names.ts'
import { cniError } from './errors.ts'

/** Values of `CNI_COMMAND`. */
export type Command = 'ADD' | 'DEL' | 'CHECK' | 'GC' | 'STATUS' | 'VERSION'

/** The `CNI_…` variables of one call, checked. */
export interface Call {
  readonly command: Command
  readonly containerId: string
  /** Empty where the caller gave none. */
  readonly netns: string
  readonly ifname: string
  readonly args: string
  readonly path: readonly string[]
  /** `CNI_NETNS_OVERRIDE`: the plugin's own namespace is meant. */
  readonly ownNetnsAllowed: boolean
}

type Environment = Readonly<Record<string, string | undefined>>

/** Which command needs which variable. `CNI_PATH` is asked for by the reference library, not by the specification. */
const required: readonly (readonly [variable: string, commands: readonly Command[]])[] = [
  ['CNI_CONTAINERID', ['ADD', 'CHECK', 'DEL']],
  ['CNI_NETNS', ['ADD', 'CHECK']],
  ['CNI_IFNAME', ['ADD', 'CHECK', 'DEL']],
]

const commands: readonly string[] = ['ADD', 'DEL', 'CHECK', 'GC', 'STATUS', 'VERSION']

/** @throws CniError 4 naming everything that is missing, or the value that cannot be */
export function readCall(env: Environment): Call {
  const command = env['CNI_COMMAND'] ?? ''
  if (!isCommand(command)) throw cniError('environment', `unknown CNI_COMMAND: ${command}`)
  const missing = required
    .filter(([variable, needing]) => needing.includes(command) && (env[variable] ?? '') === '')
    .map(([variable]) => variable)
  if (missing.length > 0)
    throw cniError('environment', `required env variables [${missing.join(',')}] missing`)
  const call: Call = {
    command,
    containerId: env['CNI_CONTAINERID'] ?? '',
    netns: env['CNI_NETNS'] ?? '',
    ifname: env['CNI_IFNAME'] ?? '',
    args: env['CNI_ARGS'] ?? '',
    path: (env['CNI_PATH'] ?? '').split(':').filter((folder) => folder !== ''),
    ownNetnsAllowed: ['1', 'true'].includes((env['CNI_NETNS_OVERRIDE'] ?? '').toLowerCase()),
  }
  if (call.containerId !== '' && !isContainerName(call.containerId)) {
    throw cniError('environment', `invalid characters or length in CNI_CONTAINERID: ${call.containerId}`)
  }
  if (call.ifname !== '' && !isIfname(call.ifname))
    throw cniError('environment', `CNI_IFNAME cannot be an interface name: ${call.ifname}`)
  return call
}

function isCommand(text: string): text is Command {
  return commands.includes(text)
}

/**
 * `CNI_ARGS` as far as `known` goes.
 *
 * @throws CniError 4 for a pair without exactly one `=`, or an unknown key without `IgnoreUnknown=1`
 */
export function readArgs(text: string, known: readonly string[]): Readonly<Record<string, string>> {
  if (text === '') return {}
  const pairs = text.split(';').map((pair) => {
    const parts = pair.split('=')
    if (parts.length !== 2) throw cniError('environment', `ARGS: invalid pair ${JSON.stringify(pair)}`)
    return parts as [string, string]
  })
  const ignoring = pairs.some(
    ([key, value]) => key === 'IgnoreUnknown' && ['1', 'true'].includes(value.toLowerCase()),
  )
  const unknown = pairs.map(([key]) => key).filter((key) => key !== 'IgnoreUnknown' && !known.includes(key))
  if (unknown.length > 0 && !ignoring) {
    throw cniError(
      'environment',
      `ARGS: unknown args ${unknown.join(', ')}`,
      'add IgnoreUnknown=1 to let them pass',
    )
  }
  return Object.fromEntries(pairs.filter(([key]) => known.includes(key)))
}
