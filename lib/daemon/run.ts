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

import { chmodSync, chownSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { keepPorts } from '../engine/attach/portholding.ts'
import type { EngineOptions } from '../engine/engine.ts'
import { ownRules } from '../engine/heal/ownrules.ts'
import { guardRules } from '../engine/heal/rulesguard.ts'
import { takeCensus } from '../engine/look/census.ts'
import { guardNameServer } from '../engine/names/nameguard.ts'
import { hearWarnings, linuxKernel, openContext } from '../engine/open.ts'
import { asTsnetError } from '../errors/codes.ts'
import type { Kernel } from '../kernel/kernel.ts'
import { tsnetVersion } from '../model/version.ts'
import { makeFolder, removeEmptyFolder } from '../state/folders.ts'
import type { DockerDoor } from './docker.ts'
import { readMark } from './dockerinstall.ts'
import { watchForEnd } from './ending.ts'
import { firstAnswer } from './firstanswer.ts'
import { listen, systemdFds } from './listen.ts'
import { createLog, type Log, type LogLevel } from './log.ts'
import { shortening } from './logfile.ts'
import { createMetricsDoor } from './metricsdoor.ts'
import { claimPlace, daemonPlace, groupId, whereabouts } from './place.ts'
import type { Programs } from './program.ts'
import { createResident } from './resident.ts'
import { serveConnections, startHeart } from './server.ts'
import { createService, type Service } from './service.ts'
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
/** Who has started us and does not call keeps what is looked after waiting no longer. */
const firstCallMs = 5000

/**
 * Serves until there is a reason to end.
 *
 * @returns when the last call has been answered
 * @throws TSNET_DAEMON_RUNNING (conflict) where another one serves
 */
export async function runDaemon(options: DaemonOptions): Promise<void> {
  const place = daemonPlace(options)
  const log = createLog(options.logLevel ?? 'info', shortening(place.log, options.print))
  const group = options.group === undefined ? undefined : groupId(options.group)
  makeFolder(place.folder)
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
  const first = firstAnswer(options.idleExitSeconds === undefined ? 0 : firstCallMs)
  const engineOptions: EngineOptions = stateDir === undefined ? {} : { stateDir }
  hearWarnings((text) => log.write('warn', text))
  const service = createService({
    version: tsnetVersion,
    answered: first.answered,
    programs: options.programs,
    resident,
    log,
    onBeat: heart.onBeat,
    beat: heart.beat,
    here: whereabouts(),
    retiring: ending.reason,
    census: () => takeCensus(openContext(resident.kernel({}, undefined), engineOptions)),
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
  const owner = ownRules({
    context: () => openContext(resident.kernel({}, undefined), engineOptions),
    owned: (before) => log.write('info', 'packet rules are owned', { before }),
    failed: (error) => log.write('warn', 'packet rules not owned', { error: String(error) }),
  })
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
  tuneV8()
  const names = guardNameServer({
    from: first.over,
    kernel: () => resident.kernel({}, undefined),
    options: engineOptions,
    started: (error) =>
      error === undefined
        ? log.write('info', 'name server started again')
        : log.write('warn', 'name server not started again', { error: String(error) }),
  })
  const ports = keepPorts(() => openContext(resident.kernel({}, undefined), engineOptions), first.over)
  const rules = guardRules({
    kernel: () => resident.kernel({}, undefined),
    options: engineOptions,
    mended: (groups, by) => {
      const who = by.map(({ pid, program }) => `${program} (${pid})`).join(', ')
      log.write('warn', 'packet rules put back', { groups, ...(who === '' ? {} : { by: who }) })
    },
    failed: (error) => log.write('error', 'packet rules not looked after', { error: String(error) }),
  })
  const reason = await ending.wait({
    // dockerd's containers are not asked for one by one, and rules have nobody else: whoever serves them stays.
    busy: () => docker !== undefined || rules.isNeeded() || service.active() > 0 || daemon.connections() > 0,
    socketIsThere: listening.isThere,
  })
  log.write('info', 'leaving', { reason })
  names.stop()
  rules.stop()
  await owner.stop()
  ports.stop()
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
 * V8 as a daemon that does little for each of many calls wants it; a V8 without a flag says so in the log, and nothing
 * else comes of it. Called when all is loaded: V8 takes no compiled module behind a change of its flags.
 *
 * - How much a function runs before it is compiled for speed: less than half of the default. An attach runs each once, so
 *   that a daemon needed 2,500 of them to come to the speed it now has after 900 (measured, Node 20).
 * - Young garbage is collected by this thread alone. There is little of it, and waking helpers and waiting for them took a
 *   tenth of an attach's processor time (measured on two cores).
 */
function tuneV8(): void {
  setFlagsFromString('--interrupt-budget=30000')
  setFlagsFromString('--no-parallel-scavenge')
}

/**
 * Where Docker's driver was asked for: by a flag, by systemd, or by a mark that
 * `tsnet docker install` has left. For a mark alone nobody else is left unserved.
 */
async function openDocker(
  { dockerSocket, dockerApi, stateDir }: DaemonOptions,
  service: Service,
): Promise<DockerDoor | undefined> {
  const fd = systemdFds().docker
  const asked = dockerSocket !== undefined || fd !== undefined
  const socket = dockerSocket ?? markedSocket(stateDir, service.log)
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

/** Without the mark Docker's driver is not served, and everything else is. */
function markedSocket(stateDir: string | undefined, log: Log): string | undefined {
  try {
    return readMark(stateDir)?.socket
  } catch (error) {
    const { message, hint } = asTsnetError(error)
    log.write('error', "Docker's driver is not served", { error: message, hint })
    return undefined
  }
}

async function drained(service: Service, connections: () => number, log: Log): Promise<void> {
  const deadline = performance.now() + drainLimitMs
  while (service.active() > 0 || connections() > 0) {
    if (performance.now() > deadline) {
      log.write('warn', 'calls left unfinished', { active: service.active() })
      return
    }
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
