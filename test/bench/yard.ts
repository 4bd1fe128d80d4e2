/**
 * One throwaway host for each contender, with a wire to an outside, and the
 * runner in it.
 *
 * @module
 */
import { mkdirSync } from 'node:fs'
import { build } from 'esbuild'
import type { Host } from '../../netns-fixtures/host.ts'
import type { Lab } from '../../netns-fixtures/lab.ts'
import { repository } from '../../netns-fixtures/place.ts'
import type { ContenderName } from './contenders/all.ts'
import { type Cost, type Folders, runProgram } from './contenders/contender.ts'
import { compileKernelCost } from './contenders/kernel.ts'
import { compileStarter } from './contenders/starter.ts'
import type { Answer, Order } from './runner.ts'

export const folders: Folders = {
  root: repository.replace(/\/$/, ''),
  scratch: `${repository}dist/bench`,
}

const answerLimitMs = 120_000

/** A contender in its host, asked for single things. */
export interface Runner {
  readonly host: Host
  /** Makes so many sandboxes more. */
  boxes(count: number): Promise<void>
  attach(number: number): Promise<Cost>
  detach(number: number): Promise<Cost>
  attachTogether(first: number, count: number): Promise<Cost>
  detachTogether(first: number, count: number): Promise<Cost>
  stop(): Promise<unknown>
}

/** Bundles the runner, so that hosts need no loader, and compiles the two C programs. */
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
  compileStarter(folders)
}

/** For the parts about packets. @throws Error with the compiler's words */
export function compilePackets(): void {
  const { root, scratch } = folders
  runProgram(['gcc', '-O2', '-Wall', '-pthread', '-o', `${scratch}/packets`, `${root}/test/bench/packets.c`])
}

/** @param label tells hosts of one contender apart */
export async function startRunner(lab: Lab, name: ContenderName, label: string): Promise<Runner> {
  const host = await lab.host(`${name}-${label}`)
  const outside = await lab.host(`outside-${name}-${label}`)
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
  const measure = async (order: Order): Promise<Cost> => (await ask(order)) ?? { ms: Number.NaN }
  return {
    host,
    boxes: async (count) => void (await ask({ kind: 'boxes', count })),
    attach: (number) => measure({ kind: 'attach', number }),
    detach: (number) => measure({ kind: 'detach', number }),
    attachTogether: (first, count) => measure({ kind: 'attachTogether', first, count }),
    detachTogether: (first, count) => measure({ kind: 'detachTogether', first, count }),
    stop: () => program.stop(),
  }
}
