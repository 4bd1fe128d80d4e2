/**
 * The kernel contract on the memory kernel.
 *
 * @module
 */
import { describe, it } from 'vitest'
import { createMemoryKernel, type MemoryKernel } from '../../lib/kernel/memory/memory.ts'
import { type KernelWorld, kernelContract } from './kernel.contract.ts'

function memoryWorld(): KernelWorld {
  let onStep: Parameters<KernelWorld['kernel']>[0]
  const host: MemoryKernel = createMemoryKernel({ onStep: (step, phase) => onStep?.onStep?.(step, phase) })
  let count = 0
  return {
    // One host: the hook is that of whoever asked last.
    kernel: (options) => {
      onStep = options
      return host
    },
    sandbox: async () => {
      const path = `/run/netns/${++count}`
      host.addSandbox(path)
      return path
    },
    endSandbox: async (path) => host.removeSandbox(path),
    dump: async () => host.dump(),
  }
}

describe('the memory kernel', () => {
  it.each(kernelContract)('$title', ({ run }) => run(memoryWorld()))
})
