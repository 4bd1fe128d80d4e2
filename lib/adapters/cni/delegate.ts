/**
 * Calling another plugin, as delegation asks: found in `CNI_PATH`, same
 * environment, same standard input.
 *
 * @module
 */

import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs'
import type { Command } from './environment.ts'
import { CniError, cniError } from './errors.ts'
import type { Request } from './plugin.ts'

/** In the first lines of every script of ours, and in the last of every program (.config/{build,launcher}.mjs). */
const mark = 'tsnet cni plugin'
const markWithinBytes = 256

/** @throws CniError 999 where no folder has it */
export function findPlugin(type: string, path: readonly string[]): string {
  if (type === '' || type.includes('/')) throw cniError('config', `invalid plugin type: ${type}`)
  const found = path.map((folder) => `${folder}/${type}`).find(isFile)
  if (found !== undefined) return found
  throw cniError('other', `failed to find plugin "${type}" in path [${path.join(' ')}]`)
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true
}

/** One of our own executables: what it would do can be done here, without a process. */
export function isOurs(path: string): boolean {
  const fd = openSync(path, 'r')
  try {
    const piece = Buffer.alloc(markWithinBytes)
    return [0, Math.max(0, fstatSync(fd).size - markWithinBytes)].some((from) =>
      piece.toString('latin1', 0, readSync(fd, piece, 0, markWithinBytes, from)).includes(mark),
    )
  } finally {
    closeSync(fd)
  }
}

/**
 * @returns what it printed
 * @throws CniError as it said, or 999 where it said nothing
 */
export async function delegate(request: Request, command: Command, program: string): Promise<string> {
  const engine = await request.engine()
  const result = await engine.runProgram(program, {
    input: request.conf.text,
    env: { ...request.env, CNI_COMMAND: command },
  })
  if (result.stderr !== '') request.log(result.stderr.trimEnd())
  if (result.exitCode === 0) return result.stdout
  throw failureOf(program, result)
}

function failureOf(
  program: string,
  {
    stdout,
    stderr,
    exitCode,
  }: { readonly stdout: string; readonly stderr: string; readonly exitCode: number },
): CniError {
  try {
    const { code, msg, details } = JSON.parse(stdout) as { code?: unknown; msg?: unknown; details?: unknown }
    if (typeof code === 'number' && typeof msg === 'string')
      return new CniError(code, msg, typeof details === 'string' && details !== '' ? details : undefined)
  } catch {
    // What is no error object is told as it stands.
  }
  const said = (stderr || stdout).trim()
  return cniError(
    'other',
    `plugin ${program} failed with exit code ${exitCode}${said === '' ? '' : `: ${said}`}`,
  )
}
