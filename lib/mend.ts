/**
 * Runs the commands of those findings of `doctor` that are safe: the part of it
 * that acts. What is safe, and the command, the finding says itself.
 *
 * @module
 */

import type { Engine } from './engine/engine.ts'
import type { Ailment } from './inspect/doctor/ailment.ts'
import { run } from './kernel/system/run.ts'
import { shellLine } from './model/commandline.ts'

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
    const result = results.get(ailment.fix) ?? (await mendOne(engine, ailment))
    results.set(ailment.fix, result)
    mended.push({ ailment, ...result })
  }
  return mended
}

/** One after the other; the first that fails ends it. No shell reads any of their words. */
async function mendOne(engine: Engine, { commands = [] }: Ailment): Promise<Omit<Mended, 'ailment'>> {
  try {
    for (const argv of commands) {
      if (shellLine(argv) === 'tsnet gc') {
        await engine.gc()
        continue
      }
      const [program = '', ...args] = argv
      const { exitCode, stderr } = await run([program, ...args], { timeoutMs: 20_000 })
      if (exitCode !== 0) return { done: false, said: `${shellLine(argv)}: ${stderr.trim()}` }
    }
    return { done: true }
  } catch (error) {
    return { done: false, said: error instanceof Error ? error.message : String(error) }
  }
}
