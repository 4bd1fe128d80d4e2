/**
 * libnftables inside this process, and the `nft` program where it is missing.
 *
 * The same script costs 0.06 ms here and 4 ms as a process (measured, nft
 * 1.0.6). A context opens its netlink socket when it is made and keeps it, so it
 * belongs to the network namespace it was made in: contexts are made at the first
 * call, which is always on the main thread in the host's namespace, because trips
 * into a sandbox are synchronous and never call nft. Not responsible for what a
 * complaint means (nft.ts).
 *
 * @module
 */

import { spawnSync } from 'node:child_process'
import { closeSync, readdirSync, readlinkSync, writeSync } from 'node:fs'
import { emptySocket } from '../netlink/exchange.ts'
import { memfd, replaceDescriptor } from '../system/libc.ts'
import { heldLocks } from '../system/lock.ts'
import { loadKoffi } from '../system/native.ts'
import { countSpawn, findProgram, isMissing, programEnvironment, programMissing } from '../system/run.ts'
import { failuresIn, type NftFailure } from './nft-script.ts'
import { tableState } from './nft-table.ts'

export interface NftAnswer {
  readonly ok: boolean
  /** Standard output. */
  readonly output: string
  readonly failures: readonly NftFailure[]
  /** All that nft wrote about errors. */
  readonly errors: string
}

export interface NftOutputOptions {
  readonly json?: boolean
  /** Without the elements of sets and maps. */
  readonly terse?: boolean
}

type Context = NonNullable<unknown>
interface Library {
  readonly newContext: (flags: number) => Context | null
  readonly freeContext: (context: Context) => void
  readonly bufferOutput: (context: Context) => number
  readonly bufferErrors: (context: Context) => number
  readonly setOutputFlags: (context: Context, flags: number) => void
  readonly runBuffer: (context: Context, script: string) => number
  readonly runFile: (context: Context, path: string) => number
  readonly output: (context: Context) => string
  readonly errors: (context: Context) => string
}

/** `nftables/libnftables.h` */
const outputJson = 1 << 4
const outputTerse = 1 << 11
const processLimitMs = 30_000

let library: Library | null | undefined
let context: Context | undefined
let kept: number | undefined

/** Which way scripts go: through the library, through the program, or not at all. */
export function nftWay(): 'library' | 'program' | undefined {
  if (openLibrary() !== undefined) return 'library'
  return findProgram('nft') === undefined ? undefined : 'program'
}

/**
 * From now on every context speaks from this one socket, which is what a table may belong to: a context is given up
 * after an error, and with it went the table. Undefined: each from its own again.
 *
 * @returns false where there is no library
 */
export function speakFrom(socket: number | undefined): boolean {
  const nft = openLibrary()
  if (nft === undefined) return false
  if (context !== undefined) nft.freeContext(context)
  context = undefined
  kept = socket
  return true
}

/**
 * Runs a script as one transaction.
 *
 * @throws TSNET_PROGRAM_MISSING (unavailable) if there is neither the library nor the program
 */
export function executeNft(script: string, options: NftOutputOptions = {}): NftAnswer {
  const opened = openLibrary()
  // nft before 1.0.8 frees the one flag of such a table twice when it tells of it as JSON: not in this process.
  const isHarmful = options.json === true && tableState() === 'left' && findProgram('nft') !== undefined
  return opened === undefined || isHarmful
    ? executeProgram(script, options)
    : executeLibrary(opened, script, options)
}

function executeLibrary(nft: Library, script: string, options: NftOutputOptions): NftAnswer {
  context ??= makeContext(nft)
  if (context === undefined) return executeProgram(script, options)
  // Answers nobody has waited for would be taken for those to this script.
  if (kept !== undefined) emptySocket(kept)
  nft.setOutputFlags(
    context,
    (options.json === true ? outputJson : 0) | (options.terse === true ? outputTerse : 0),
  )
  if (nft.runBuffer(context, script) === 0) {
    return { ok: true, output: nft.output(context), failures: [], errors: '' }
  }
  const answer = explain(nft, context, script)
  // A context that has seen an error is not trusted any further: a new one costs 0.3 ms.
  nft.freeContext(context)
  context = undefined
  return answer
}

/**
 * Errors of a buffer have no line numbers and quote its first line (nft 1.0.6,
 * erec_print), errors of a file have both right. The failed transaction has
 * changed nothing, so a longer script is simply run once more, from a file.
 */
function explain(nft: Library, failed: Context, script: string): NftAnswer {
  const first = nft.errors(failed) // Reading empties it.
  if (!script.trim().includes('\n')) {
    const failures = failuresIn(first).map((failure) => ({ ...failure, line: 1 }))
    return { ok: false, output: '', failures, errors: first }
  }
  const file = memfd('tsnet-nft')
  writeSync(file, script)
  const status = nft.runFile(failed, `/proc/self/fd/${file}`)
  closeSync(file)
  const errors = nft.errors(failed)
  if (status === 0) return { ok: true, output: nft.output(failed), failures: [], errors: '' }
  return { ok: false, output: '', failures: failuresIn(errors), errors }
}

function executeProgram(script: string, options: NftOutputOptions): NftAnswer {
  const flags = [...(options.json === true ? ['-j'] : []), ...(options.terse === true ? ['-t'] : [])]
  countSpawn()
  // Reading commands go by argument: with -j nft opens /dev/stdin anew, which Node makes a socket (ENXIO).
  const reading = options.json === true || options.terse === true
  const result = spawnSync('nft', reading ? [...flags, script] : ['-f', '-'], {
    input: reading ? '' : script,
    // It goes on when we are killed, and must be waited for then.
    stdio: ['pipe', 'pipe', 'pipe', ...(reading ? [] : heldLocks())],
    encoding: 'utf8',
    env: programEnvironment(),
    timeout: processLimitMs,
    maxBuffer: 512 * 1024 * 1024,
  })
  if (result.error !== undefined && isMissing(result.error)) throw programMissing('nft')
  if (result.error !== undefined) throw result.error
  const ok = result.status === 0
  return { ok, output: result.stdout, failures: ok ? [] : failuresIn(result.stderr), errors: result.stderr }
}

function makeContext(nft: Library): Context | undefined {
  const before = kept === undefined ? undefined : new Set(socketsOpen())
  const made = nft.newContext(0)
  if (made === null) return undefined
  if (kept !== undefined) {
    // Opened a moment ago by this thread, not bound yet, and known to the library by its number alone.
    const [own, ...more] = socketsOpen().filter((fd) => before?.has(fd) === false)
    if (own === undefined || more.length > 0) throw new Error('libnftables: its socket is not found')
    replaceDescriptor(kept, own)
  }
  nft.bufferOutput(made)
  nft.bufferErrors(made)
  return made
}

function socketsOpen(): readonly number[] {
  return readdirSync('/proc/self/fd').map(Number).filter(isSocket)
}

function isSocket(fd: number): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:')
  } catch {
    // The folder itself, which was open while it was read.
    return false
  }
}

function openLibrary(): Library | undefined {
  if (library === undefined) library = loadLibrary()
  return library ?? undefined
}

function loadLibrary(): Library | null {
  try {
    const nft = loadKoffi().load('libnftables.so.1')
    return {
      newContext: nft.func('void *nft_ctx_new(uint32_t)') as Library['newContext'],
      freeContext: nft.func('void nft_ctx_free(void *)') as Library['freeContext'],
      bufferOutput: nft.func('int nft_ctx_buffer_output(void *)') as Library['bufferOutput'],
      bufferErrors: nft.func('int nft_ctx_buffer_error(void *)') as Library['bufferErrors'],
      setOutputFlags: nft.func(
        'void nft_ctx_output_set_flags(void *, unsigned int)',
      ) as Library['setOutputFlags'],
      runBuffer: nft.func('int nft_run_cmd_from_buffer(void *, const char *)') as Library['runBuffer'],
      runFile: nft.func('int nft_run_cmd_from_filename(void *, const char *)') as Library['runFile'],
      output: nft.func('const char *nft_ctx_get_output_buffer(void *)') as Library['output'],
      errors: nft.func('const char *nft_ctx_get_error_buffer(void *)') as Library['errors'],
    }
  } catch {
    return null
  }
}
