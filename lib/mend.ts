/**
 * Runs the commands of those findings of `doctor` that are safe: the part of it
 * that acts. What is safe, and the command, the finding says itself.
 *
 * @module
 */

import type { Engine } from './engine/engine.ts'
import type { Ailment } from './inspect/doctor/ailment.ts'
import { run } from './kernel/run.ts'

/** What `doctor --fix` has done about a finding. */
export interface Mended {
  readonly ailment: Ailment
  readonly done: boolean
  /** What the command said, where it failed. */
  readonly said?: string
}

/** Runs the commands of those that are safe, each once. */
export async function mend(engine: Engine, ailments: readonly Ailment[]): Promise<readonly Mended[]> {
  const mended: Mended[] = []
  const results = new Map<string, Omit<Mended, 'ailment'>>()
  for (const ailment of ailments.filter(({ safe }) => safe)) {
    const result = results.get(ailment.fix) ?? (await mendOne(engine, ailment.fix))
    results.set(ailment.fix, result)
    mended.push({ ailment, ...result })
  }
  return mended
}

async function mendOne(engine: Engine, fix: string): Promise<Omit<Mended, 'ailment'>> {
  try {
    if (fix === 'tsnet gc') {
      await engine.gc()
      return { done: true }
    }
    // Words of ours, names the kernel has checked: nothing in them means anything to a shell.
    const { exitCode, stderr } = await run(['sh', '-ec', fix], { timeoutMs: 20_000 })
    return exitCode === 0 ? { done: true } : { done: false, said: stderr.trim() }
  } catch (error) {
    return { done: false, said: error instanceof Error ? error.message : String(error) }
  }
}
