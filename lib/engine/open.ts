/**
 * Opening an engine: state folders, locks, kernel and the default backend put
 * together.
 *
 * @module
 */

import type { Kernel, StepHook } from '../kernel/kernel.ts'
import { createLinuxKernel } from '../kernel/linux.ts'
import { flocker } from '../kernel/system/lock.ts'
import type { FirewallBackend } from '../model/attachment.ts'
import { describe } from '../plan/describe.ts'
import { foldersBeside } from '../state/beside.ts'
import { bootMark } from '../state/boot.ts'
import { type HostConfig, readHostConfig } from '../state/config.ts'
import { readJson, type Warn } from '../state/files.ts'
import { createLocks, type Locks } from '../state/lock.ts'
import { nameRoutes } from '../state/nameroutes.ts'
import { networkDefinitions } from '../state/networks.ts'
import { refuseShared } from '../state/ownfolder.ts'
import { type StatePaths, statePaths } from '../state/paths.ts'
import { containerRecords, unitRecords } from '../state/records.ts'
import { type Reservations, reservations } from '../state/reservations.ts'
import { tidying } from '../state/tidy.ts'
import { heldFiles } from './attach/portholding.ts'
import type { EngineContext } from './context.ts'
import { type AskProgram, driversOf } from './drivers.ts'
import type { Engine, EngineOptions } from './engine.ts'
import { createLocalEngine } from './local.ts'
import { createNameService } from './names/nameservice.ts'

const defaultLockTimeoutMs = 30_000

/**
 * @throws TSNET_BAD_VALUE (invalid) for a wrong /etc/tsnet/config.json
 * @throws TSNET_NOT_ROOT (forbidden)
 */
export async function openEngine(options: EngineOptions = {}): Promise<Engine> {
  return engineOn(linuxKernel(options), options)
}

/** This host's, telling its steps where that is asked for. */
export function linuxKernel({ onStep }: EngineOptions): Kernel {
  const hook: StepHook | undefined =
    onStep === undefined
      ? undefined
      : (step, phase) => {
          if (phase === 'after') for (const line of describe(step).add) onStep(line)
        }
  return createLinuxKernel(hook === undefined ? {} : { onStep: hook })
}

/** The same on any kernel: for tests, and for whoever brings another one. */
export async function engineOn(kernel: Kernel, options: EngineOptions = {}): Promise<Engine> {
  return createLocalEngine(openContext(kernel, options))
}

/** What every part of an engine works with. */
export function openContext(kernel: Kernel, options: EngineOptions): EngineContext {
  kernel.requireRoot()
  const { paths, reserved, ...room } = stateRoom(options)
  const hostConfig = readHostConfig()
  if (options.stateDir !== undefined) refuseShared(options.stateDir)
  if (options.onWarning !== undefined) hearWarnings(options.onWarning)
  return {
    ...room,
    kernel,
    warn: options.onWarning ?? heard,
    reservations: { ...reserved, ports: heldFiles(reserved.ports, kernel) },
    otherHolder: () => (kernel.portHolding?.isOn() === true ? undefined : pidIn(paths.daemonPid)),
    hostConfig,
    drivers: driversOf(options.drivers ?? [], hostConfig.drivers ?? {}, askProgram),
    ...namesOf(kernel, room.locks, paths, hostConfig),
    backend: chooseBackend(kernel, options, hostConfig),
  }
}

type StateRoom = Pick<
  EngineContext,
  'locks' | 'containers' | 'units' | 'networks' | 'boot' | 'beside' | 'tidying' | 'nameRoutes'
> & { readonly paths: StatePaths; readonly reserved: Reservations }

interface StatePlace {
  readonly stateDir: string | undefined
  readonly timeoutMs: number
}

/**
 * Whoever has opened a context last hears of damaged files: they are the host's, and not of one call. A daemon writes
 * them into its log besides.
 */
const speaker: { warn: Warn } = { warn: emitWarning }
const heard: Warn = (text) => speaker.warn(text)

/** Until somebody opens a context and says where its warnings go. */
export function hearWarnings(warn: Warn): void {
  speaker.warn = warn
}

/** That of the last call: in a daemon nearly always also that of the next. It knows paths, and nothing of what is there. */
let lastRoom: { readonly place: StatePlace; readonly room: StateRoom } | undefined

function stateRoom({ stateDir, lockTimeoutMs: timeoutMs = defaultLockTimeoutMs }: EngineOptions): StateRoom {
  const last = lastRoom?.place
  if (lastRoom !== undefined && last?.stateDir === stateDir && last?.timeoutMs === timeoutMs)
    return lastRoom.room
  const paths = statePaths(stateDir)
  const room = {
    paths,
    locks: createLocks(paths, flocker, { timeoutMs }),
    containers: containerRecords(paths, heard),
    units: unitRecords(paths, heard),
    networks: networkDefinitions(paths, heard),
    reserved: reservations(paths),
    boot: bootMark(paths, heard),
    beside: foldersBeside(paths),
    tidying: tidying(paths),
    nameRoutes: nameRoutes(paths, heard),
  }
  lastRoom = { place: { stateDir, timeoutMs }, room }
  return room
}

/** For whoever embeds the library and did not ask to be told: it can be listened for, and Node prints it. */
export function emitWarning(text: string): void {
  process.emitWarning(text, 'TsnetWarning')
}

/** Undefined too where no number is written: tsnetd is about to write it. */
function pidIn(path: string): number | undefined {
  try {
    return readJson<number>(path)
  } catch {
    return undefined
  }
}

/** Loaded when a driver is asked: execa is half of a short command's start. */
const askProgram: AskProgram = async (argv, options) =>
  (await import('../kernel/system/exec.ts')).exec(argv, options)

function namesOf(
  kernel: Kernel,
  locks: Locks,
  paths: StatePaths,
  { dns = true, dnsWorkers = 1 }: HostConfig,
): Pick<EngineContext, 'names'> {
  const { startNameServer } = kernel
  if (startNameServer === undefined || !dns) return {}
  return {
    names: createNameService({
      socketPath: paths.nameSocket,
      logPath: paths.nameLog,
      folder: paths.run,
      lock: locks.names,
      start: (place) => startNameServer({ ...place, workers: dnsWorkers }),
      portHolder: kernel.portHolder,
    }),
  }
}

/** Asked for, else the host's default, else iptables where it is installed. */
function chooseBackend(kernel: Kernel, options: EngineOptions, config: HostConfig): FirewallBackend {
  const asked = options.firewall ?? config.firewall
  if (asked !== undefined) return asked
  return kernel.iptablesVariant() === undefined ? 'nftables' : 'iptables'
}
