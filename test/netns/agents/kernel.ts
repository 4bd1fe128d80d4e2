/**
 * The Linux kernel room, driven from outside: one JSON request a line on
 * standard input, one `answer N …` line for each on standard output.
 *
 * Runs inside a throwaway host; the test that starts it stays outside.
 *
 * @module
 */
import { createInterface } from 'node:readline'
import { asTsnetError, isTsnetError } from '../../../lib/errors/codes.ts'
import type { OpenSandbox } from '../../../lib/kernel/kernel.ts'
import { createLinuxKernel } from '../../../lib/kernel/linux.ts'
import { readSurroundings } from '../../../lib/kernel/look/surroundings.ts'
import { openNetns, withNetns } from '../../../lib/kernel/namespace/netns.ts'
import { askedCount } from '../../../lib/kernel/netlink/exchange.ts'
import { spawnCount } from '../../../lib/kernel/system/run.ts'
import type { Family } from '../../../lib/model/address.ts'
import type { SandboxIdentity } from '../../../lib/model/sandbox.ts'
import type { LoweredStep } from '../../../lib/plan/step.ts'

const kernel = createLinuxKernel()
const hooked: string[] = []
let breakAt: { readonly step: number; readonly phase: 'before' | 'after' } | undefined
const watched = createLinuxKernel({
  onStep: (step, phase) => {
    hooked.push(`${phase} ${step.kind}`)
    const nth = hooked.filter((line) => line.startsWith(phase)).length - 1
    if (nth === breakAt?.step && phase === breakAt.phase) throw new Error(`broken ${phase} step ${nth}`)
  },
})

async function within<T>(
  path: string | null,
  use: (sandbox: OpenSandbox | undefined) => Promise<T>,
): Promise<T> {
  const sandbox = path === null ? undefined : await kernel.openSandbox(path)
  try {
    return await use(sandbox)
  } finally {
    sandbox?.close()
  }
}

const errorOf = (error: unknown): unknown =>
  isTsnetError(error) ? error.toJSON() : { message: String(error) }

const calls = {
  facts: (path: string) =>
    within(
      path,
      async (sandbox) =>
        sandbox && { identity: sandbox.identity, own: sandbox.own, links: await sandbox.links() },
    ),
  sandboxSysctls: (path: string, keys: string[]) =>
    within(path, async (sandbox) => Object.fromEntries(sandbox?.sysctls(keys) ?? [])),
  isAlive: (path: string, identity: SandboxIdentity) => kernel.isAlive(path, identity),
  hostFacts: () => kernel.hostFacts(),
  surroundings: (path: string | null) => within(path, readSurroundings),
  hostLink: (name: string) => kernel.hostLink(name),
  hostAddresses: () => kernel.hostAddresses(),
  wayOut: (family: Family) => kernel.wayOut(family),
  apply: (steps: LoweredStep[], path: string | null) =>
    within(path, async (sandbox) => {
      const { results, error } = await kernel.apply(steps, sandbox)
      const created = results.map((result) => result?.created ?? null)
      return { created, ...(error === undefined ? {} : { error: errorOf(error) }) }
    }),
  /** How often the kernel is called for the steps once the bridge has been looked at, as the engine does. */
  countedApply: (steps: LoweredStep[], path: string, bridge: string) =>
    within(path, async (sandbox) => {
      await kernel.hostLink(bridge)
      const [sendsBefore, spawnsBefore] = [askedCount(), spawnCount()]
      const { error } = await kernel.apply(steps, sandbox)
      if (error !== undefined) throw asTsnetError(error)
      return { sends: askedCount() - sendsBefore, spawns: spawnCount() - spawnsBefore }
    }),
  /** The step hook throws at that step. */
  applyBroken: (steps: LoweredStep[], path: string | null, step: number, phase: 'before' | 'after') =>
    within(path, async (sandbox) => {
      hooked.length = 0
      breakAt = { step, phase }
      const { results, error } = await watched.apply(steps, sandbox)
      return {
        created: results.map((result) => result?.created ?? null),
        error: String(error),
        hooked: [...hooked],
      }
    }),
  revert: (steps: LoweredStep[], path: string | null) =>
    within(path, async (sandbox) => (await kernel.revert(steps, sandbox)).map(errorOf)),
  /** All at the same time, as detaches in a daemon are. */
  revertEach: async (lists: LoweredStep[][]) => {
    const errors = await Promise.all(lists.map((steps) => kernel.revert(steps, undefined)))
    return errors.flat().map(errorOf)
  },
  missing: (steps: LoweredStep[], path: string | null) =>
    within(path, async (sandbox) => {
      const missing = await kernel.missing(steps, sandbox)
      return missing.map((step) => steps.indexOf(step))
    }),
  visit: (path: string, what: 'promise' | 'nested' | 'throw') => {
    const fd = openNetns(path)
    return withNetns(fd, (): unknown => {
      if (what === 'promise') return Promise.reject(new Error('late'))
      if (what === 'nested') return withNetns(fd, () => 1)
      throw new Error('thrown inside')
    })
  },
} as const

export type KernelCall =
  | 'facts'
  | 'sandboxSysctls'
  | 'isAlive'
  | 'hostFacts'
  | 'surroundings'
  | 'hostLink'
  | 'hostAddresses'
  | 'wayOut'
  | 'apply'
  | 'countedApply'
  | 'applyBroken'
  | 'revert'
  | 'revertEach'
  | 'missing'
  | 'visit'

for await (const line of createInterface({ input: process.stdin })) {
  const { id, call, args } = JSON.parse(line) as { id: number; call: KernelCall; args: unknown[] }
  const made = calls[call] as (...args: unknown[]) => unknown
  const answer = await Promise.resolve()
    .then(() => made(...args))
    .then(
      (value) => ({ value }),
      (error: unknown) => ({ error: errorOf(error) }),
    )
  process.stdout.write(`answer ${id} ${JSON.stringify(answer)}\n`)
}
kernel.close()
watched.close()
