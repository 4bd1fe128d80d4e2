/**
 * The other end of the name server's control socket.
 *
 * @module
 */

import { closeSync, constants, openSync } from 'node:fs'
import { connect } from 'node:net'
import { basename, dirname } from 'node:path'
import { lineReader, type Request, type Response } from './control.ts'

/** sun_path holds 107 bytes and a zero (unix(7)). */
const MAX_SOCKET_PATH = 107

/** What a connection ends with where none listens, or one has just ended. */
const nobody = ['ECONNREFUSED', 'ENOENT', 'ENOTDIR', 'ENOTSOCK', 'ECONNRESET', 'EPIPE']

/**
 * Asks the server and waits for its answer.
 *
 * @returns undefined where none listens, or it ended before it answered
 * @throws Error after `timeoutMs`, or where it could not be reached for another reason
 */
export function askNameServer(
  socketPath: string,
  request: Request,
  timeoutMs: number,
): Promise<Response | undefined> {
  const { path, release } = reachable(socketPath)
  return new Promise<Response | undefined>((resolve, reject) => {
    const socket = connect(path)
    let response: Response | undefined
    const timer = setTimeout(() => {
      socket.destroy()
      reject(new Error(`no answer on ${socketPath} after ${timeoutMs} ms`))
    }, timeoutMs)
    const finish = (): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(response)
    }
    const read = lineReader((line) => {
      response = JSON.parse(line) as Response
      // With "ended" the process itself is waited for: it closes the socket last.
      if (response.ended !== true) finish()
    })
    socket.on('data', read)
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (nobody.includes(error.code ?? '')) return finish()
      // It may live, and a second one beside it would never be ended.
      clearTimeout(timer)
      reject(error)
    })
    socket.on('close', finish)
    socket.write(`${JSON.stringify(request)}\n`)
  }).finally(release)
}

/**
 * Waits for the end of the server, by staying connected to it.
 *
 * @param ended called once, at once where none listens
 * @returns stops waiting
 */
export function holdNameServer(socketPath: string, ended: () => void): () => void {
  const { path, release } = reachable(socketPath)
  const socket = connect(path)
  let waiting = true
  socket.on('error', () => undefined)
  socket.on('close', () => {
    release()
    if (waiting) ended()
  })
  // Whoever waits for nothing else may end.
  socket.unref()
  return () => {
    waiting = false
    socket.destroy()
  }
}

/** A path short enough to connect to: long ones are reached through an open folder. */
function reachable(socketPath: string): { readonly path: string; readonly release: () => void } {
  if (Buffer.byteLength(socketPath) <= MAX_SOCKET_PATH) return { path: socketPath, release: () => undefined }
  let folder: number
  try {
    folder = openSync(dirname(socketPath), constants.O_RDONLY | constants.O_DIRECTORY)
  } catch {
    return { path: socketPath.slice(0, MAX_SOCKET_PATH), release: () => undefined }
  }
  return { path: `/proc/self/fd/${folder}/${basename(socketPath)}`, release: () => closeSync(folder) }
}
