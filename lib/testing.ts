/**
 * tsnet/testing: an engine without a kernel, for the tests of your runtime.
 *
 * @module
 */

export { engineOn } from './engine/open.ts'
export type { Kernel, KernelOptions, StepHook, StepPhase } from './kernel/kernel.ts'
export { createMemoryKernel, type MemoryKernel, type MemoryKernelOptions } from './kernel/memory/memory.ts'
