/**
 * The kernel that stays between calls.
 *
 * One netlink socket, one link remover and one rule folder for all: what is
 * attached at the same time shares a rule transaction, what is detached the
 * kernel's wait. A call that wants to be told each step gets a
 * kernel of its own, because with a hook steps travel singly. Nothing else is
 * kept here: records are read from disk by every call, definitions and units where
 * they have changed (state/remembered).
 *
 * @module
 */

import { existsSync } from 'node:fs'
import type { EngineOptions } from '../engine/engine.ts'
import type { Kernel } from '../kernel/kernel.ts'
import type { HeldSandbox } from './api.ts'

export interface Resident {
  /** For one call; its `close` leaves what others use. @param held is opened where a request names its path */
  kernel(options: EngineOptions, held: HeldSandbox | undefined): Kernel
  /** A call that will set up or take down was accepted: what is due waits a moment for its part. */
  expect(what: 'apply' | 'revert'): Expected
  close(): void
}

/** A call others wait for, until it has come so far or is over. */
export interface Expected {
  /** The same kernel, which tells. */
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
    expect: (what) => {
      const arrived = shared?.approach?.(what) ?? (() => undefined)
      // From there on the kernel knows it by itself.
      const telling = async <T>(begun: Promise<T>): Promise<T> => {
        arrived()
        return begun
      }
      return {
        watch: (kernel) => ({
          ...kernel,
          apply: (steps, sandbox) => telling(kernel.apply(steps, sandbox)),
          revert: (steps, sandbox) => telling(kernel.revert(steps, sandbox)),
        }),
        over: arrived,
      }
    },
    close: () => shared?.close(),
  }
}

function holding(kernel: Kernel, held: HeldSandbox | undefined): Kernel {
  if (held === undefined) return kernel
  let reachable = held.openPath
  return {
    ...kernel,
    openSandbox: (path) => kernel.openSandbox(path === held.path ? reachable : path),
    isAlive: (path, identity) => {
      if (path !== held.path) return kernel.isAlive(path, identity)
      // A caller that was killed holds it open no longer: what he began is taken back inside as well.
      reachable = existsSync(held.openPath) ? held.openPath : path
      return kernel.isAlive(reachable, identity)
    },
  }
}
