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
import { createLocks } from '../state/lock.ts'
import { networkDefinitions } from '../state/networks.ts'
import { statePaths } from '../state/paths.ts'
import { containerRecords, unitRecords } from '../state/records.ts'
import { reservations } from '../state/reservations.ts'
import { tidying } from '../state/tidy.ts'
import type { Engine, EngineOptions } from './engine.ts'
import { createLocalEngine } from './local.ts'

const defaultLockTimeoutMs = 30_000

/**
 * @throws TSNET_BAD_VALUE (invalid) for a wrong /etc/tsnet/config.json
 * @throws TSNET_NOT_ROOT (forbidden)
 */
export async function openEngine(options: EngineOptions = {}): Promise<Engine> {
  const { onStep } = options
  const hook: StepHook | undefined =
    onStep === undefined
      ? undefined
      : (step, phase) => {
          if (phase === 'after') for (const line of describe(step).add) onStep(line)
        }
  return engineOn(createLinuxKernel(hook === undefined ? {} : { onStep: hook }), options)
}

/** The same on any kernel: for tests, and for whoever brings another one. */
export async function engineOn(kernel: Kernel, options: EngineOptions = {}): Promise<Engine> {
  kernel.requireRoot()
  const paths = statePaths(options.stateDir)
  const hostConfig = readHostConfig()
  return createLocalEngine({
    kernel,
    locks: createLocks(paths, flocker, options.lockTimeoutMs ?? defaultLockTimeoutMs),
    containers: containerRecords(paths),
    units: unitRecords(paths),
    networks: networkDefinitions(paths),
    reservations: reservations(paths),
    boot: bootMark(paths),
    tidying: tidying(paths),
    hostConfig,
    backend: chooseBackend(kernel, options, hostConfig),
  })
}

/** Asked for, else the host's default, else iptables where it is installed. */
function chooseBackend(kernel: Kernel, options: EngineOptions, config: HostConfig): FirewallBackend {
  const asked = options.firewall ?? config.firewall
  if (asked !== undefined) return asked
  return kernel.iptablesVariant() === undefined ? 'nftables' : 'iptables'
}
