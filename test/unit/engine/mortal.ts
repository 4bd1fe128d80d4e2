/**
 * Sudden death, without a process that dies: from one effect on, nothing has
 * any effect any more, neither on the state folder nor on the kernel. Locks are
 * let go, as the kernel does with those of the dead.
 *
 * Faults are injected below the state room, by node:fs itself, so that every
 * boundary between two changes is met. A file that is written can be left
 * empty.
 *
 * @module
 */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import type { Kernel, StepHook } from '../../../lib/kernel/kernel.ts'
import {
  createMemoryKernel,
  type MemoryKernel,
  type MemoryKernelOptions,
} from '../../../lib/kernel/memory/memory.ts'

export class Killed extends Error {}

/** The life of a process, counted in effects. */
export class Life {
  effects = 0
  /** Above pid_max: nobody finds such a process alive. */
  pid = 5_000_000
  #last = Number.POSITIVE_INFINITY
  #over = false

  /** Dies instead of its nth effect from now, counted from 1. */
  endsAt(nth: number): void {
    this.effects = 0
    this.#last = nth
  }

  get over(): boolean {
    return this.#over
  }

  /** A new process in its place. */
  again(): void {
    this.#over = false
    this.#last = Number.POSITIVE_INFINITY
    this.pid++
  }

  /** Called before each effect. @param half what is left when it dies in the middle */
  effect(half?: () => void): void {
    this.#step()
    if (half !== undefined) this.#step(half)
  }

  #step(left?: () => void): void {
    if (!this.#over) {
      this.effects++
      if (this.effects < this.#last) return
      left?.()
      this.#over = true
    }
    throw new Killed()
  }
}

/** A kernel whose every step, forth and back, is an effect of that life. */
export function mortalKernel(life: Life, options: MemoryKernelOptions = {}): MemoryKernel {
  const onStep: StepHook = () => life.effect()
  const kernel = createMemoryKernel({ ...options, onStep })
  const revert: Kernel['revert'] = async (steps, sandbox) => {
    const errors: unknown[] = []
    for (const step of [...steps].reverse()) {
      life.effect()
      errors.push(...(await kernel.revert([step], sandbox)))
    }
    return errors
  }
  return { ...kernel, revert }
}

const { writeFileSync, renameSync, unlinkSync, rmdirSync, rmSync, mkdirSync, openSync } = fs

/** Changes below `folder` are effects of that life until the returned function is called. */
export function mortalFiles(folder: string, life: Life): () => void {
  const ours = (path: unknown): boolean => String(path).startsWith(folder)
  Object.assign(fs, {
    writeFileSync: (...args: Parameters<typeof writeFileSync>) => {
      const [path, , options] = args
      if (ours(path)) life.effect(() => writeFileSync(path, '', options))
      writeFileSync(...args)
    },
    renameSync: (...args: Parameters<typeof renameSync>) => {
      if (ours(args[0])) life.effect()
      renameSync(...args)
    },
    unlinkSync: (...args: Parameters<typeof unlinkSync>) => {
      if (ours(args[0])) life.effect()
      unlinkSync(...args)
    },
    rmdirSync: (...args: Parameters<typeof rmdirSync>) => {
      if (ours(args[0])) life.effect()
      rmdirSync(...args)
    },
    rmSync: (...args: Parameters<typeof rmSync>) => {
      if (ours(args[0])) life.effect()
      rmSync(...args)
    },
    mkdirSync: (...args: Parameters<typeof mkdirSync>) => {
      if (ours(args[0])) life.effect()
      return mkdirSync(...args)
    },
    openSync: (...args: Parameters<typeof openSync>) => {
      if (ours(args[0]) && life.over) throw new Killed()
      return openSync(...args)
    },
  })
  const { pid } = process
  Object.defineProperty(process, 'pid', { get: () => life.pid, configurable: true })
  syncBuiltinESMExports()
  return () => {
    Object.defineProperty(process, 'pid', { value: pid, configurable: true })
    Object.assign(fs, { writeFileSync, renameSync, unlinkSync, rmdirSync, rmSync, mkdirSync, openSync })
    syncBuiltinESMExports()
  }
}
