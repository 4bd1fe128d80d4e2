/**
 * The undo loop on the memory kernel: every step of every golden plan fails
 * once, before and after it was done, and nothing may be left.
 *
 * test/netns/500-undo does the same on real hosts.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { applyOrUndo, beforeValues, lower } from '../../lib/engine/attach/apply.ts'
import type { OpenSandbox, StepPhase } from '../../lib/kernel/kernel.ts'
import { createMemoryKernel, type MemoryKernel } from '../../lib/kernel/memory/memory.ts'
import type { FirewallBackend } from '../../lib/model/attachment.ts'
import type { LoweredStep } from '../../lib/plan/step.ts'
import { type GoldenPlan, goldenPlans, type Part } from '../golden/plans.ts'

interface Ready {
  readonly kernel: MemoryKernel
  readonly steps: readonly LoweredStep[]
  readonly sandbox: OpenSandbox
  readonly failAt: (index: number, phase: StepPhase) => void
  /** What the host looked like when the step failed. */
  readonly between: () => string
}

/** A host on which everything the plan finds is there already. */
async function prepare({ before, plan }: GoldenPlan, backend: FirewallBackend): Promise<Ready> {
  let wanted: { readonly index: number; readonly phase: StepPhase } | undefined
  let steps: readonly LoweredStep[] = []
  let between = ''
  const kernel = createMemoryKernel({
    onStep: (step, phase) => {
      if (wanted === undefined || step !== steps[wanted.index] || phase !== wanted.phase) return
      between = kernel.dump()
      throw new Error(`failing ${phase} step ${wanted.index}`)
    },
  })
  kernel.addSandbox('/run/netns/one')
  kernel.addSandbox('/run/netns/two')
  const lowered = (part: Part, sandbox: OpenSandbox): readonly LoweredStep[] => {
    const all = lower(part.steps, backend)
    return all.flatMap(beforeValues(all, kernel, sandbox))
  }
  for (const part of before) {
    const sandbox = await kernel.openSandbox(`/run/netns/${part.sandbox}`)
    await applyOrUndo(kernel, lowered(part, sandbox), sandbox)
  }
  const sandbox = await kernel.openSandbox(`/run/netns/${plan.sandbox}`)
  steps = lowered(plan, sandbox)
  return {
    kernel,
    steps,
    sandbox,
    failAt: (index, phase) => {
      wanted = { index, phase }
    },
    between: () => between,
  }
}

/** Never turned back, and documented: lib/drivers/bridge.ts. */
function withoutKept(dump: string): string {
  return dump
    .split('\n')
    .filter((line) => !/sysctl net\/(ipv4\/ip_forward|ipv6\/conf\/all\/forwarding)=/.test(line))
    .join('\n')
}

describe.each(['iptables', 'nftables', 'none'] as const)('with firewall %s', (backend) => {
  describe.each(goldenPlans)('$name', (golden) => {
    it('leaves nothing, whichever step fails, before or after it was done', async () => {
      const { steps } = await prepare(golden, backend)
      for (const index of steps.keys()) {
        for (const phase of ['before', 'after'] as const) {
          const { kernel, steps: again, sandbox, failAt, between } = await prepare(golden, backend)
          const before = kernel.dump()
          failAt(index, phase)
          await expect(applyOrUndo(kernel, again, sandbox)).rejects.toThrow(`failing ${phase} step ${index}`)
          const where = `${phase} step ${index} (${again[index]?.kind})`
          expect(withoutKept(kernel.dump()), where).toBe(withoutKept(before))
          if (index > 0) expect(between(), where).not.toBe(before)
        }
      }
    })

    it('holds once it is applied, and is taken back completely', async () => {
      const { kernel, steps, sandbox } = await prepare(golden, backend)
      const before = kernel.dump()
      const created = await applyOrUndo(kernel, steps, sandbox)
      expect(await kernel.missing(steps, sandbox)).toEqual([])
      const ours = steps.filter((_, i) => created[i])
      expect(await kernel.revert(ours, sandbox)).toEqual([])
      expect(withoutKept(kernel.dump())).toBe(withoutKept(before))
      expect(await kernel.revert(ours, sandbox), 'a second time').toEqual([])
    })

    it('is taken back on the host when its sandbox is gone', async () => {
      const { kernel, steps, sandbox } = await prepare(golden, backend)
      kernel.removeSandbox(sandbox.path)
      const before = kernel.dump()
      kernel.addSandbox(sandbox.path)
      const fresh = await kernel.openSandbox(sandbox.path)
      await applyOrUndo(kernel, steps, fresh)
      kernel.removeSandbox(sandbox.path)
      expect(await kernel.revert(steps, undefined)).toEqual([])
      expect(withoutKept(kernel.dump())).toBe(withoutKept(before))
    })
  })
})
