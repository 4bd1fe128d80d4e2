/**
 * Flags of `setup` and `plan` as one SetupRequest.
 *
 * Reads each value with the library's own parsers, so that a flag, a JSON field
 * and a call from TypeScript make the same mistakes sound the same. What needs
 * the host (is the port free, does the network exist) is the engine's.
 *
 * @module
 */

import type { ContainerInfo, Sandbox, SetupRequest } from '../../lib/index.ts'
import {
  dashed,
  type Flags,
  type Invocation,
  listFlag,
  switchFlag,
  textFlag,
  type VerbLib,
} from './command.ts'
import type { Io } from './io.ts'
import { linksOf, resolverOf } from './names.ts'
import { firewallOf, sandboxOf } from './options.ts'
import { networksOf } from './requestnetworks.ts'
import { UsageError } from './usage.ts'

/** Flags that may stand beside `--config`. */
const besideConfig = ['config', 'netns', 'pid', 'name', 'dryRun']

/** @throws TSNET_BAD_VALUE, TSNET_BAD_JSON, TSNET_MODE_MISMATCH (invalid), UsageError */
export async function setupRequestOf(invocation: Invocation, io: Io, lib: VerbLib): Promise<SetupRequest> {
  const { flags, globals } = invocation
  const config = textFlag(flags, 'config')
  const firewall = firewallOf(globals, lib)
  const request =
    config === undefined ? requestOfFlags(flags, lib) : await requestOfFile(config, flags, { io, lib })
  return { ...request, ...(firewall === undefined ? {} : { firewall }) }
}

function requestOfFlags(flags: Flags, lib: VerbLib): SetupRequest {
  const networks = networksOf(flags, lib)
  const sandbox = sandboxOf(flags, lib) ?? sandboxOfMode[networks.mode]
  if (sandbox === undefined) {
    throw new UsageError(
      'no namespace given',
      'give --netns PATH, --pid PID or --name NAME; see tsnet help setup',
    )
  }
  return {
    sandbox,
    container: containerOf(flags, lib),
    ...networks,
    publish: listFlag(flags, 'publish').map((text) => lib.parsePublish(text, '--publish')),
    expose: listFlag(flags, 'expose').map((text) => lib.parseExpose(text, '--expose')),
    publishAll: switchFlag(flags, 'publishAll'),
    ignorePublish: switchFlag(flags, 'ignorePublish'),
    resolver: resolverOf(flags, lib),
    ...linksOf(flags, lib),
    sysctls: lib.readSysctls(
      lib.parseKeyValues(listFlag(flags, 'sysctl'), { field: '--sysctl', bare: 'refuse' }),
      '--sysctl',
    ),
  }
}

/** Where none need be given: the host's own in host mode; another container's is known from its record. */
const sandboxOfMode: Readonly<Partial<Record<SetupRequest['mode'], Sandbox>>> = {
  host: { path: '/proc/self/ns/net' },
  container: { path: '/proc/self/ns/net' },
}

function containerOf(flags: Flags, lib: VerbLib): Partial<ContainerInfo> {
  const read = <T>(flag: string, name: string, reader: (text: string, field: string) => T): T | undefined => {
    const text = textFlag(flags, flag)
    return text === undefined ? undefined : reader(text, name)
  }
  const id = read('id', '--id', lib.readContainerName)
  const name = read('containerName', '--container-name', lib.readContainerName)
  const hostname = read('hostname', '--hostname', lib.readHostname)
  const labels = listFlag(flags, 'label')
  return {
    ...(id === undefined ? {} : { id }),
    ...(name === undefined ? {} : { name }),
    ...(hostname === undefined ? {} : { hostname }),
    ...(labels.length === 0
      ? {}
      : { labels: lib.parseKeyValues(labels, { field: '--label', bare: 'empty' }) }),
  }
}

async function requestOfFile(
  path: string,
  flags: Flags,
  use: { readonly io: Io; readonly lib: VerbLib },
): Promise<SetupRequest> {
  const { lib } = use
  const other = Object.keys(flags).find((name) => !besideConfig.includes(name))
  if (other !== undefined) {
    const flag = `--${dashed(other)}`
    throw new UsageError(
      `--config holds the whole request, ${flag} cannot stand beside it`,
      `put it into ${path === '-' ? 'the document' : path}`,
    )
  }
  const document = lib.parseJson(await readRequest(path, use), path === '-' ? 'standard input' : path)
  const sandbox = sandboxOf(flags, lib)
  const complete = sandbox === undefined || !isObject(document) ? document : { ...document, sandbox }
  return lib.decodeSetupRequest(complete)
}

async function readRequest(path: string, use: { readonly io: Io; readonly lib: VerbLib }): Promise<string> {
  try {
    return await use.io.read(path)
  } catch (cause) {
    const isFolder = cause instanceof Error && 'code' in cause && cause.code === 'EISDIR'
    const reason = isFolder ? `${path} is a folder` : cause instanceof Error ? cause.message : String(cause)
    const message = `reading --config: ${reason}`
    throw use.lib.fail('TSNET_BAD_VALUE', {
      field: '--config',
      value: path,
      message,
      cause,
      hint: 'give a readable file, or -',
    })
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
