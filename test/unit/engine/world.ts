/**
 * An engine on the memory kernel, with a state folder that goes with the test.
 *
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { engineOn } from '../../../lib/index.ts'
import type { Kernel } from '../../../lib/kernel/kernel.ts'
import {
  createMemoryKernel,
  type MemoryKernel,
  type MemoryKernelOptions,
} from '../../../lib/kernel/memory/memory.ts'
import { type Picture, picture, type Yard, yardOf } from './operations.ts'

export interface World extends Yard {
  readonly folder: string
  readonly picture: () => Picture
}

/** @param change what of the kernel is otherwise */
export async function world(
  options: MemoryKernelOptions = {},
  change: (kernel: MemoryKernel) => Partial<Kernel> = () => ({}),
): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'tsnet-engine-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const memory = createMemoryKernel(options)
  const kernel = { ...memory, ...change(memory) }
  const engine = await engineOn(kernel, { stateDir: folder, firewall: 'nftables' })
  return { ...yardOf(kernel, engine), folder, picture: () => picture(kernel, folder) }
}

/** Its code and message, or `done`. */
export const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'done',
    (error: { code?: string; message: string }) => `${error.code}: ${error.message}`,
  )
