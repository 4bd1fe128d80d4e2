/**
 * The life of a daemon: claim the place, listen, serve, leave.
 *
 * It leaves on SIGTERM and SIGINT, when nobody has called for a while, when its
 * program on disk has been replaced, and when its socket has been taken away.
 * Leaving: the name goes first, so that a successor can be started at once while
 * the last calls here are being finished; both take the same file locks.
 *
 * @module
 */

import { chmodSync, chownSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { takeCensus } from '../engine/census.ts'
import type { EngineOptions } from '../engine/engine.ts'
import { guardNameServer } from '../engine/nameguard.ts'
import { linuxKernel, openContext } from '../engine/open.ts'
import { asTsnetError } from '../errors/codes.ts'
import type { Kernel } from '../kernel/kernel.ts'
import { tsnetVersion } from '../model/version.ts'
import { makeFolder, removeEmptyFolder } from '../state/files.ts'
import type { DockerDoor } from './docker.ts'
import { readMark } from './dockerinstall.ts'
import { createLog, type Log, type LogLevel } from './log.ts'
import { createMetricsDoor } from './metricsdoor.ts'
import { claimPlace, daemonPlace, groupId, placeSocket, shortPath, whereabouts } from './place.ts'
import type { Programs } from './program.ts'
import { createResident } from './resident.ts'
import { serveConnections, startHeart } from './server.ts'
import { type CountingService, createService } from './service.ts'
import { stopDaemon } from './start.ts'

export interface DaemonOptions {
  readonly programs: Programs
  readonly stateDir?: string
  /** Absent: tsnetd.sock below the state folder. */
  readonly socket?: string
  /** May connect besides root, which is as much as being root. A name or a number. */
  readonly group?: string
  readonly logLevel?: LogLevel
  /** Docker's driver is served there, for as long as the daemon stays. */
  readonly dockerSocket?: string
  /** Where dockerd's API is asked who its containers are. Default /run/docker.sock. */
  readonly dockerApi?: string
  /** Ends after so many seconds without a call. Absent: stays. */
  readonly idleExitSeconds?: number
  /** Metrics on this port of 127.0.0.1 too, for every local user. */
  readonly metricsPort?: number
  /** The program file this daemon was started from: when another text lies there it makes room. */
  readonly programFile?: string
  /** Ends it; the last calls are finished first. */
  readonly signal: AbortSignal
  readonly print: (line: string) => void
  /** For tests. */
  readonly makeKernel?: (options: EngineOptions) => Kernel
}

/** How long calls may take that were begun before we were told to end. */
const drainLimitMs = 30_000
/** Between two looks whether there is a reason to end. */
const watchMs = 500
/** The first descriptor systemd hands a socket over in, sd_listen_fds(3). */
const systemdFd = 3
/** FileDescriptorName= of Docker's socket in `tsnet-docker.socket`. */
const dockerFdName = 'docker'
const longestLogBytes = 1024 * 1024

/**
 * Serves until there is a reason to end.
 *
 * @returns when the last call has been answered
 * @throws TSNET_DAEMON_RUNNING (conflict) where another one serves
 */
export async function runDaemon(options: DaemonOptions): Promise<void> {
  compileSoon()
  const place = daemonPlace(options)
  const log = createLog(options.logLevel ?? 'info', options.print)
  const group = options.group === undefined ? undefined : groupId(options.group)
  makeFolder(place.folder)
  shortenLog(place.log)
  if (group !== undefined) {
    chownSync(place.folder, 0, group)
    chmodSync(place.folder, 0o710)
  }
  // Whoever called first may have started one: systemd's is the one that stays.
  if (systemdFds().docker !== undefined) await stopDaemon(options)
  const claim = claimPlace(place)
  const resident = createResident(options.makeKernel ?? linuxKernel)
  const heart = startHeart()
  const ending = watchForEnd(options)
  const startedAt = new Date().toISOString()
  const { stateDir, idleExitSeconds } = options
  const service = createService({
    version: tsnetVersion,
    programs: options.programs,
    resident,
    log,
    onBeat: heart.onBeat,
    here: whereabouts(),
    retiring: ending.reason,
    census: () =>
      takeCensus(openContext(resident.kernel({}, undefined), stateDir === undefined ? {} : { stateDir })),
    describe: () => ({
      pid: process.pid,
      socket: place.socket,
      startedAt,
      residentBytes: process.memoryUsage.rss(),
      ...(stateDir === undefined ? {} : { stateDir }),
      ...(idleExitSeconds === undefined ? {} : { idleExitSeconds }),
    }),
  })
  const metrics = createMetricsDoor(service.metrics)
  const daemon = serveConnections(service, metrics)
  try {
    if (options.metricsPort !== undefined) await metrics.listen(options.metricsPort)
  } catch (error) {
    claim.release()
    throw error
  }
  const listening = await listen(daemon.server, place.socket, group)
  log.write('info', 'listening', { socket: place.socket, pid: process.pid, version: tsnetVersion })
  const docker = await openDocker(options, service).catch((error: unknown) => {
    listening.remove()
    daemon.server.close()
    claim.release()
    heart.stop()
    resident.close()
    throw error
  })
  const names = guardNameServer({
    kernel: () => resident.kernel({}, undefined),
    options: stateDir === undefined ? {} : { stateDir },
    started: (error) =>
      error === undefined
        ? log.write('info', 'name server started again')
        : log.write('warn', 'name server not started again', { error: String(error) }),
  })
  const reason = await ending.wait({
    // dockerd's containers are not asked for one by one: whoever serves them stays.
    busy: () => docker !== undefined || service.active() > 0 || daemon.connections() > 0,
    socketIsThere: listening.isThere,
  })
  log.write('info', 'leaving', { reason })
  names.stop()
  docker?.leave()
  listening.remove()
  daemon.server.close()
  metrics.close()
  claim.release()
  daemon.hangUp()
  await drained(service, daemon.connections, log)
  await docker?.closed()
  heart.stop()
  resident.close()
  // Of tsnet alone; a folder of the user's own choice stays.
  if (options.stateDir === undefined && options.socket === undefined) removeEmptyFolder(place.folder)
}

/**
 * How much V8 lets a function run before it is compiled for speed: less than half of its default. An attach runs each once,
 * so that a daemon needed 2,500 of them to come to the speed it now has after 900 (measured, Node 20). A V8 without the flag
 * says so in the log, and nothing else comes of it.
 */
function compileSoon(): void {
  setFlagsFromString('--interrupt-budget=30000')
}

/**
 * Where Docker's driver was asked for: by a flag, by systemd, or by a mark that
 * `tsnet docker install` has left. For a mark alone nobody else is left unserved.
 */
async function openDocker(
  { dockerSocket, dockerApi, stateDir }: DaemonOptions,
  service: CountingService,
): Promise<DockerDoor | undefined> {
  const fd = systemdFds().docker
  const asked = dockerSocket !== undefined || fd !== undefined
  const socket = dockerSocket ?? readMark(stateDir)?.socket
  if (socket === undefined && fd === undefined) return undefined
  // Loaded where it is wanted: an HTTP server costs a start some milliseconds.
  const { openDockerDoor } = await import('./docker.ts')
  const door = openDockerDoor(
    {
      socket: socket ?? 'a socket of systemd',
      apiSocket: dockerApi ?? '/run/docker.sock',
      ...(fd === undefined ? {} : { fd }),
      ...(stateDir === undefined ? {} : { stateDir }),
    },
    service,
  )
  if (asked) return door
  return door.catch((error: unknown) => {
    service.log.write('error', "Docker's driver is not served", {
      socket,
      error: asTsnetError(error).message,
    })
    return undefined
  })
}

/** A log of its own lives on a tmpfs: of the last run and this one. */
function shortenLog(path: string): void {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0
  if (size > longestLogBytes) renameSync(path, `${path}.1`)
}

interface Listening {
  readonly isThere: () => boolean
  readonly remove: () => void
}

/** On systemd's socket where it hands one over, else on one of our own. */
async function listen(
  server: ReturnType<typeof serveConnections>['server'],
  path: string,
  group: number | undefined,
): Promise<Listening> {
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
function systemdFds(): { readonly calls?: number; readonly docker?: number } {
  const { LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES = '' } = process.env
  if (LISTEN_PID !== String(process.pid)) return {}
  const names = LISTEN_FDNAMES.split(':')
  const fds = Array.from({ length: Number(LISTEN_FDS) || 0 }, (_, i) => systemdFd + i)
  const docker = fds.find((_, i) => names[i] === dockerFdName)
  const calls = fds.find((fd) => fd !== docker)
  return { ...(calls === undefined ? {} : { calls }), ...(docker === undefined ? {} : { docker }) }
}

interface Ending {
  /** Why no more calls are taken; undefined as long as they are. */
  reason(): string | undefined
  wait(look: {
    /** Somebody is connected, or something is being done. */
    readonly busy: () => boolean
    readonly socketIsThere: () => boolean
  }): Promise<string>
}

function watchForEnd({ signal, idleExitSeconds, programFile }: DaemonOptions): Ending {
  const isReplaced = watchFile(programFile)
  let why: string | undefined
  let wake: () => void = () => undefined
  const reason = (): string | undefined => {
    if (why !== undefined) return why
    if (signal.aborted) why = 'asked to end'
    else if (isReplaced()) why = 'another tsnet is installed'
    // The caller who is told so calls again at once, and should find another one.
    if (why !== undefined) setImmediate(wake)
    return why
  }
  return {
    reason,
    wait: ({ busy, socketIsThere }) =>
      new Promise((resolve) => {
        let lastBusy = performance.now()
        const look = (): void => {
          if (busy()) lastBusy = performance.now()
          const idleMs = performance.now() - lastBusy
          if (reason() === undefined && !socketIsThere()) why = 'the socket was taken away'
          if (reason() === undefined && idleExitSeconds !== undefined && idleMs >= idleExitSeconds * 1000)
            why = 'idle'
          const found = reason()
          if (found === undefined) return
          wake = () => undefined
          clearInterval(timer)
          signal.removeEventListener('abort', look)
          resolve(found)
        }
        const timer = setInterval(look, watchMs)
        wake = look
        signal.addEventListener('abort', look)
        look()
      }),
  }
}

/** Compared by text: every build writes the file anew, most of them the same. */
function watchFile(path: string | undefined): () => boolean {
  if (path === undefined) return () => false
  const look = (): { inode: number; text: string } | undefined => {
    try {
      return { inode: statSync(path).ino, text: readFileSync(path, 'utf8') }
    } catch {
      return undefined
    }
  }
  let known = look()
  return () => {
    const inode = statSync(path, { throwIfNoEntry: false })?.ino
    // Gone is not replaced: an uninstalled tsnet still takes down what it has set up.
    if (known === undefined || inode === undefined || inode === known.inode) return false
    const now = look()
    if (now === undefined || now.text !== known.text) return true
    known = now
    return false
  }
}

async function drained(service: CountingService, connections: () => number, log: Log): Promise<void> {
  const deadline = performance.now() + drainLimitMs
  while (service.active() > 0 || connections() > 0) {
    if (performance.now() > deadline) {
      log.write('warn', 'calls left unfinished', { active: service.active() })
      return
    }
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** Where the log of a daemon that was started on demand lies, newest last. */
export function daemonLogFiles(options: {
  readonly stateDir?: string
  readonly socket?: string
}): readonly string[] {
  const { folder, log } = daemonPlace(options)
  return [join(folder, `${basename(log)}.1`), log]
}
