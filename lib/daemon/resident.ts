/**
 * The kernel that stays between calls.
 *
 * One netlink socket and one link remover for all: what is detached at the same
 * time shares the kernel's wait. A call that wants to be told each step gets a
 * kernel of its own, because with a hook steps travel singly. Nothing else is
 * kept: records and definitions are read from disk by every call.
 *
 * @module
 */

import type { EngineOptions } from '../engine/engine.ts'
import type { Kernel } from '../kernel/kernel.ts'
import type { HeldSandbox } from './api.ts'

export interface Resident {
  /** For one call; its `close` leaves what others use. @param held is opened where a request names its path */
  kernel(options: EngineOptions, held: HeldSandbox | undefined): Kernel
  /** A call that will take something down was accepted: deletions that are due wait for its. @returns when it is over */
  expectTakedown(): Takedown
  close(): void
}

export interface Takedown {
  /** The same kernel, which tells when it has come so far. */
  watch(kernel: Kernel): Kernel
  over(): void
}

export function createResident(makeKernel: (options: EngineOptions) => Kernel): Resident {
  let shared: Kernel | undefined
  return {
    kernel: (options, held) => {
      if (options.onStep !== undefined) return holding(makeKernel(options), held)
      shared ??= makeKernel({})
      return holding({ ...shared, close: () => undefined }, held)
    },
    expectTakedown: () => {
      const arrived = shared?.approach?.() ?? (() => undefined)
      return {
        watch: (kernel) => ({
          ...kernel,
          revert: (steps, sandbox) => {
            const reverting = kernel.revert(steps, sandbox)
            // From here on the kernel knows it by itself.
            arrived()
            return reverting
          },
        }),
        over: arrived,
      }
    },
    close: () => shared?.close(),
  }
}

function holding(kernel: Kernel, held: HeldSandbox | undefined): Kernel {
  if (held === undefined) return kernel
  const reachable = (path: string): string => (path === held.path ? held.openPath : path)
  return {
    ...kernel,
    openSandbox: (path) => kernel.openSandbox(reachable(path)),
    isAlive: (path, identity) => kernel.isAlive(reachable(path), identity),
  }
}
