/**
 * tsnet/testing/memory: an engine without a kernel, for tests of your runtime that
 * need no root. Throwaway hosts with a real one are in `tsnet/testing`.
 *
 * @module
 */

export { engineOn } from './engine/open.ts'
export type {
  ApplyOutcome,
  HostPorts,
  Kernel,
  KernelOptions,
  OpenSandbox,
  PortHolder,
  PortHolding,
  RangeHolder,
  RefusedSysctl,
  RulesOwning,
  StepHook,
  StepPhase,
  StepResult,
  TaggedRules,
} from './kernel/kernel.ts'
export type { MemoryHost } from './kernel/memory/host.ts'
export { createMemoryKernel, type MemoryKernel, type MemoryKernelOptions } from './kernel/memory/memory.ts'
export type {
  AddressFact,
  ForeignDrop,
  HostFacts,
  LinkFact,
  RouteFact,
  WayOut,
} from './plan/facts.ts'
