/**
 * Where the daemon listens: on a socket that systemd hands over, else on one of its own.
 *
 * @see sd_listen_fds(3)
 * @module
 */

import { rmSync } from 'node:fs'
import type { Server } from 'node:net'
import { placeSocket, shortPath } from './place.ts'

/** The first descriptor systemd hands a socket over in. */
const systemdFd = 3
/** FileDescriptorName= of Docker's socket in `tsnet-docker.socket`. */
const dockerFdName = 'docker'

export interface Listening {
  readonly isThere: () => boolean
  readonly remove: () => void
}

/** On systemd's socket where it hands one over, else on one of our own. */
export async function listen(server: Server, path: string, group: number | undefined): Promise<Listening> {
  const ready = new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.once('listening', resolve)
  })
  const fd = systemdFds().calls
  if (fd !== undefined) {
    server.listen({ fd })
    await ready
    // It stays systemd's.
    return { isThere: () => true, remove: () => undefined }
  }
  const fresh = `${path}.${process.pid}`
  rmSync(fresh, { force: true })
  using short = shortPath(fresh)
  const umask = process.umask(0o177)
  try {
    server.listen(short.path)
    await ready
  } finally {
    process.umask(umask)
  }
  return placeSocket(fresh, path, group)
}

/** Sockets systemd hands over: the first one that is not Docker's is for calls. */
export function systemdFds(): { readonly calls?: number; readonly docker?: number } {
  const { LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES = '' } = process.env
  if (LISTEN_PID !== String(process.pid)) return {}
  const names = LISTEN_FDNAMES.split(':')
  const fds = Array.from({ length: Number(LISTEN_FDS) || 0 }, (_, i) => systemdFd + i)
  const docker = fds.find((_, i) => names[i] === dockerFdName)
  const calls = fds.find((fd) => fd !== docker)
  return { ...(calls === undefined ? {} : { calls }), ...(docker === undefined ? {} : { docker }) }
}
