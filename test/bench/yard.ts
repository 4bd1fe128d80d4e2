/**
 * One throwaway host for each contender, with a wire to an outside, and the
 * runner in it.
 *
 * @module
 */
import { mkdirSync } from 'node:fs'
import { build } from 'esbuild'
import type { Lab } from '../../netns-fixtures/lab.ts'
import { repository } from '../../netns-fixtures/place.ts'
import { type ContenderName, contenders } from './contenders/all.ts'
import type { Cost, Folders } from './contenders/contender.ts'
import { compileKernelCost } from './contenders/kernel.ts'
import type { Answer, Order } from './runner.ts'

export const folders: Folders = {
  root: repository.replace(/\/$/, ''),
  scratch: `${repository}dist/bench`,
}

const answerLimitMs = 120_000

export interface Runner {
  readonly name: ContenderName
  /** Containers that are attached all the time. */
  readonly others: number
  /** A fresh sandbox for each round comes after those of the others. */
  attach(round: number): Promise<Cost>
  detach(round: number): Promise<Cost>
  stop(): Promise<unknown>
}

/** Bundles the runner, so that hosts need no loader, and compiles the baseline. */
export async function prepare(): Promise<void> {
  mkdirSync(folders.scratch, { recursive: true })
  await build({
    absWorkingDir: folders.root,
    entryPoints: ['test/bench/runner.ts'],
    outfile: 'dist/bench/runner.mjs',
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    logLevel: 'warning',
  })
  compileKernelCost(folders)
}

export async function startRunner(
  lab: Lab,
  name: ContenderName,
  counts: { readonly others: number; readonly rounds: number },
): Promise<Runner> {
  const host = await lab.host(`${name}-${counts.others}`)
  const outside = await lab.host(`outside-${name}-${counts.others}`)
  await lab.wire(host, outside, '198.51.100.0/24', { v6: '2001:db8:1::/64', defaultRoute: 'first' })
  const { root, scratch } = folders
  const program = host.start([process.execPath, `${scratch}/runner.mjs`, name, root, scratch])
  let answered = 0
  const ask = async (order: Order): Promise<Cost | null> => {
    program.write(`${JSON.stringify(order)}\n`)
    const nth = ++answered
    const output = await program.waitFor(new RegExp(`^(?:.*\n){${nth}}`), answerLimitMs)
    const answer = JSON.parse(output.split('\n')[nth - 1] ?? '') as Answer
    if ('error' in answer) throw new Error(`${name}, ${JSON.stringify(order)}: ${answer.error}`)
    return answer.cost
  }
  const measure = async (kind: 'attach' | 'detach', number: number): Promise<Cost> =>
    (await ask({ kind, number })) ?? { ms: Number.NaN }

  const { others, rounds } = counts
  await ask({ kind: 'boxes', count: others + 2 * rounds })
  for (let number = 0; number < others; number++) await measure('attach', number)
  return {
    name,
    others,
    attach: async (round) => {
      if (contenders[name].resident === true) {
        await measure('attach', others + rounds + round)
        await measure('detach', others + rounds + round)
      }
      return measure('attach', others + round)
    },
    detach: (round) => measure('detach', others + round),
    stop: () => program.stop(),
  }
}
