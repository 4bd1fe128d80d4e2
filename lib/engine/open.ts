/**
 * Opening an engine: state folders, locks, kernel and the default backend put
 * together.
 *
 * @module
 */

import type { Kernel, StepHook } from '../kernel/kernel.ts'
import { createLinuxKernel } from '../kernel/linux.ts'
import { flocker } from '../kernel/lock.ts'
import type { FirewallBackend } from '../model/attachment.ts'
import { describe } from '../plan/describe.ts'
import { bootMark } from '../state/boot.ts'
import { type HostConfig, readHostConfig } from '../state/config.ts'
import { createLocks, type Locks } from '../state/lock.ts'
import { nameRoutes } from '../state/nameroutes.ts'
import { networkDefinitions } from '../state/networks.ts'
import { type StatePaths, statePaths } from '../state/paths.ts'
import { containerRecords, unitRecords } from '../state/records.ts'
import { reservations } from '../state/reservations.ts'
import { tidying } from '../state/tidy.ts'
import type { EngineContext } from './context.ts'
import { type AskProgram, driversOf } from './drivers.ts'
import type { Engine, EngineOptions } from './engine.ts'
import { createLocalEngine } from './local.ts'
import { createNameService } from './nameservice.ts'

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
  const paths = statePaths(options.stateDir)
  const hostConfig = readHostConfig()
  const locks = createLocks(paths, flocker, { timeoutMs: options.lockTimeoutMs ?? defaultLockTimeoutMs })
  return {
    kernel,
    locks,
    containers: containerRecords(paths),
    units: unitRecords(paths),
    networks: networkDefinitions(paths),
    reservations: reservations(paths),
    boot: bootMark(paths),
    tidying: tidying(paths),
    hostConfig,
    drivers: driversOf(options.drivers ?? [], hostConfig.drivers ?? {}, askProgram),
    nameRoutes: nameRoutes(paths),
    ...namesOf(kernel, locks, paths, hostConfig),
    backend: chooseBackend(kernel, options, hostConfig),
  }
}

/** Loaded when a driver is asked: execa is half of a short command's start. */
const askProgram: AskProgram = async (argv, options) =>
  (await import('../kernel/exec.ts')).exec(argv, options)

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
