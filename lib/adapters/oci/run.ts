/**
 * The hook: from the state on standard input to an exit code.
 *
 * createRuntime connects the container and poststop takes it back; which of
 * them it is says the argument, else the state itself. A hook that fails fails
 * the start, and the runtime shows what stands on its standard error.
 *
 * @module
 */

import { existsSync, readFileSync } from 'node:fs'
import type { Engine } from '../../engine/engine.ts'
import { asTsnetError, fail, isTsnetError } from '../../errors/codes.ts'
import { parseJson } from '../../model/json.ts'
import { bundleFiles, readConfig } from './bundle.ts'
import { decodeState, type OciState } from './state.ts'
import { requestOf, wishesOfAnnotations, wishesOfFile } from './wishes.ts'

export interface HookIo {
  /** Without the program itself: nothing, or the name of the hook. */
  readonly argv: readonly string[]
  /** All of standard input. */
  readonly stdin: () => string
  readonly stderr: (text: string) => void
  readonly openEngine: () => Promise<Engine>
  /** The host's defaults. */
  readonly defaults?: string
}

const defaultsFile = '/etc/tsnet/hooks.json'
const beginnings = ['createRuntime', 'prestart', 'createContainer', 'startContainer', 'poststart']

/** @returns the exit code; never throws */
export async function runHook(io: HookIo): Promise<number> {
  let doing = 'reading the state of the container'
  try {
    const state = decodeState(io.stdin())
    const ends = isEnd(io.argv[0], state)
    doing = `${ends ? 'poststop' : 'createRuntime'} of ${state.id}`
    await (ends ? disconnect(io, state) : connect(io, state))
    return 0
  } catch (error) {
    const { message, hint, undo } = asTsnetError(error)
    io.stderr(`tsnet-hook: ${doing}: ${message}${hint === undefined ? '' : `\n  hint: ${hint}`}\n`)
    for (const left of undo) io.stderr(`  not taken back: ${asTsnetError(left).message}\n`)
    return 1
  }
}

function isEnd(word: string | undefined, { status }: OciState): boolean {
  if (word === 'poststop') return true
  if (word === undefined) return status === 'stopped'
  if (beginnings.includes(word)) return false
  throw fail('TSNET_BAD_VALUE', {
    message: `reading the arguments: "${word}" is no hook of tsnet`,
    field: 'args',
    value: word,
    hint: 'use createRuntime or poststop',
  })
}

async function connect(io: HookIo, state: OciState): Promise<void> {
  const { id, pid, bundle } = state
  if (pid === undefined) {
    throw fail('TSNET_BAD_VALUE', {
      message: 'the state has no pid, so there is no network namespace to connect',
      field: 'pid',
      value: 0,
      hint: 'call it as createRuntime hook; as poststop with the argument "poststop"',
    })
  }
  const wishes = [wishesOfAnnotations(state.annotations), defaultsOf(io.defaults ?? defaultsFile)]
  const config = readConfig(`${bundle}/config.json`)
  const { remarks, ...files } = bundleFiles(bundle, config)
  const hostname = typeof config.hostname === 'string' && config.hostname !== '' ? config.hostname : undefined
  const request = requestOf(
    { id, netns: `/proc/${pid}/ns/net`, ...(hostname === undefined ? {} : { hostname }), ...files },
    wishes,
  )
  for (const remark of remarks) io.stderr(`tsnet-hook: ${id}: ${remark}\n`)
  await withEngine(io, (engine) => engine.setup(request).catch(explained))
}

function defaultsOf(path: string): ReturnType<typeof wishesOfFile> {
  if (!existsSync(path)) return new Map()
  return wishesOfFile(parseJson(readFileSync(path, 'utf8'), path), path)
}

/** Said in the words of a bundle. */
function explained(error: unknown): never {
  if (!isTsnetError(error, 'TSNET_OWN_NETNS')) throw error
  throw fail('TSNET_OWN_NETNS', {
    message: 'the bundle has no network namespace of its own',
    field: 'linux.namespaces',
    hint: 'add {"type": "network"} to linux.namespaces of its config.json; "tsnet oci patch" does',
  })
}

/** Nothing to take down is a success. Never by a prefix: runtimes know their ids in full. */
async function disconnect(io: HookIo, { id }: OciState): Promise<void> {
  await withEngine(io, async (engine) => {
    const found = await engine.inspect({ container: id }).catch((error: unknown) => {
      if (isTsnetError(error, 'TSNET_NO_SUCH_CONTAINER')) return undefined
      throw error
    })
    if (found !== undefined && found.container.id !== id) return
    await engine.teardown({ container: id })
  })
}

async function withEngine(io: HookIo, work: (engine: Engine) => Promise<unknown>): Promise<void> {
  const engine = await io.openEngine()
  try {
    await work(engine)
  } finally {
    await engine.close()
  }
}
