/**
 * Steps done by calls and not by messages: sysctls, rules, tracked flows.
 *
 * @module
 */

import { fail } from '../../errors/codes.ts'
import type { StepOf, SysctlStep } from '../../plan/step.ts'
import type { StepResult } from '../kernel.ts'
import { withNetns } from '../namespace/netns.ts'
import { flushFlows } from '../packets/conntrack.ts'
import { missingRules } from '../rules/iptables.ts'
import { missingNft } from '../rules/nft.ts'
import { foldRules } from '../rules/rule-folder.ts'
import { normal, readSysctl, writeSysctl } from '../system/sysctl.ts'
import { type Handler, inside, type Sides, type TogetherResult } from './handler.ts'

function onSide<T>({ where }: SysctlStep, { sandbox }: Sides, visit: () => T): T {
  if (where === 'host') return visit()
  if (sandbox === undefined) throw fail('TSNET_INTERNAL', { message: 'setting a sysctl: no sandbox is open' })
  return withNetns(sandbox.fd, visit)
}

/** It has that value already, as the answer about the new link said. Good for once. */
function isTold({ where, key, value }: SysctlStep, { sandbox }: Sides): boolean {
  if (where !== 'sandbox' || sandbox?.told.get(key) !== normal(value)) return false
  return sandbox.told.delete(key)
}

export const sysctl: Handler<'sysctl'> = {
  doing: ({ key, value, where }) => `setting sysctl ${key} to ${value}${inside(where)}`,
  apply: {
    by: 'call',
    isDone: isTold,
    call: (step, sides) =>
      onSide(step, sides, () => {
        const current = readSysctl(step.key)
        if (current === undefined && step.optional) return { created: false }
        if (current === normal(step.value)) return { created: false }
        writeSysctl(step.key, step.value)
        return { created: true }
      }),
  },
  undo: {
    by: 'call',
    order: 'inPlace',
    dies: ({ where, key }, device) => where === device.where && key.split('/').includes(device.name),
    call: (step, sides) => {
      const { key, value, before, keep } = step
      if (keep || before === undefined) return
      onSide(step, sides, () => {
        // Somebody else has set it since: theirs it stays.
        if (readSysctl(key) !== normal(value)) return
        writeSysctl(key, before)
      })
    },
  },
  holds: (step, { sides }) => {
    if (step.where === 'sandbox' && sides.sandbox === undefined) return false
    const current = onSide(step, sides, () => readSysctl(step.key))
    return current === undefined ? step.optional : current === normal(step.value)
  },
}

export const rules: Handler<'rules'> = {
  doing: ({ tool }) => `adding rules with ${tool}`,
  apply: {
    by: 'call',
    call: (step, { rules: join }) => foldRules({ step, way: 'add' }, join),
    // After a failure the rest of that tool is not begun, so there is nothing of it to take back.
    together: (steps, { rules: join }) =>
      byTool(steps, async (step, failed) =>
        failed ? { created: false } : foldRules({ step, way: 'add' }, join),
      ),
  },
  undo: {
    by: 'call',
    order: 'inPlace',
    dies: () => false,
    call: async (step, { rules: join }) => {
      await foldRules({ step, way: 'remove' }, join)
    },
    together: async (steps, { rules: join }) => {
      const results = await byTool(steps, (step) => foldRules({ step, way: 'remove' }, join))
      return results.flatMap((result) => ('error' in result ? [result.error] : []))
    },
  },
  holds: async ({ tool, add }) => !(tool === 'nft' ? missingNft(add) : await missingRules(tool, add)),
}

/** Tools know nothing of each other, so theirs go on at the same time (both families); those of one are in order. */
async function byTool(
  steps: readonly StepOf<'rules'>[],
  work: (step: StepOf<'rules'>, failed: boolean) => Promise<StepResult>,
): Promise<readonly TogetherResult[]> {
  const results = new Map<StepOf<'rules'>, TogetherResult>()
  const one = async (tool: string): Promise<void> => {
    let failed = false
    for (const step of steps.filter((other) => other.tool === tool)) {
      const result: TogetherResult = await work(step, failed).catch((error: unknown) => ({ error }))
      failed ||= 'error' in result
      results.set(step, result)
    }
  }
  await Promise.all([...new Set(steps.map(({ tool }) => tool))].map(one))
  return steps.map((step) => results.get(step) as TogetherResult)
}

/** Taken back after the rules: a packet in between would make the entry anew. */
export const conntrack: Handler<'conntrack'> = {
  doing: ({ protocol, hostPort }) => `forgetting tracked flows to ${protocol} port ${hostPort}`,
  apply: {
    by: 'call',
    call: async (step) => {
      await flushFlows([step])
      return { created: true }
    },
    together: async (steps) => {
      await flushFlows(steps)
      return steps.map(() => ({ created: true }))
    },
  },
  undo: {
    by: 'call',
    order: 'last',
    dies: () => false,
    call: (step) => flushFlows([step]),
    together: async (steps) => {
      await flushFlows(steps)
      return []
    },
  },
  holds: () => true,
}
