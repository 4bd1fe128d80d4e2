/**
 * Golden plans on the real kernel, in the throwaway host this process was
 * started in.
 *
 * @module
 */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { applyOrUndo, beforeValues, lower } from '../../../lib/engine/attach/apply.ts'
import type { Kernel, OpenSandbox } from '../../../lib/kernel/kernel.ts'
import { createLinuxKernel } from '../../../lib/kernel/linux.ts'
import type { FirewallBackend } from '../../../lib/model/attachment.ts'
import type { LoweredStep } from '../../../lib/plan/step.ts'
import { snapshotHere } from '../../../netns-fixtures/snapshot.ts'
import { type GoldenPlan, goldenPlans, type Part } from '../../golden/plans.ts'
import type { Pictures } from './pictures.ts'
import { Sandboxes } from './sandboxes.ts'

function linesOf(path: string): readonly string[] {
  if (!existsSync(path)) return []
  const { mode } = statSync(path)
  const lines = readFileSync(path, 'utf8').split('\n')
  return [`${path} ${(mode & 0o7777).toString(8)}`, ...lines.map((line) => `${path}: ${line}`)]
}

export function goldenPlan(name: string | undefined): GoldenPlan {
  const golden = goldenPlans.find((one) => one.name === name)
  if (golden === undefined) throw new Error(`no golden plan ${name}`)
  return golden
}

/** A host on which everything the plan finds is there already. */
export class GoldenHost {
  readonly kernel: Kernel = createLinuxKernel()
  readonly sandboxes: Sandboxes = new Sandboxes()
  readonly paths: Readonly<Record<Part['sandbox'], string>>
  readonly #backend: FirewallBackend

  private constructor(
    backend: FirewallBackend,
    paths: Record<Part['sandbox'], string>,
    sandboxes: Sandboxes,
  ) {
    this.#backend = backend
    this.paths = paths
    this.sandboxes = sandboxes
  }

  static async prepare(golden: GoldenPlan, backend: FirewallBackend): Promise<GoldenHost> {
    const sandboxes = new Sandboxes()
    const paths = { one: await sandboxes.make(), two: await sandboxes.make() }
    const host = new GoldenHost(backend, paths, sandboxes)
    for (const part of golden.before) await host.apply(part)
    return host
  }

  /** @returns the steps as they were applied, those that were ours to take back */
  async apply(part: Part, kernel: Kernel = this.kernel): Promise<readonly LoweredStep[]> {
    return await this.inside(part, async (sandbox) => {
      const steps = this.lowered(part, sandbox)
      const created = await applyOrUndo(kernel, steps, sandbox)
      return steps.filter((_, i) => created[i])
    })
  }

  lowered(part: Part, sandbox: OpenSandbox): readonly LoweredStep[] {
    const steps = lower(part.steps, this.#backend)
    return steps.flatMap(beforeValues(steps, this.kernel, sandbox))
  }

  async inside<T>(part: Part, work: (sandbox: OpenSandbox) => Promise<T>): Promise<T> {
    const sandbox = await this.kernel.openSandbox(this.paths[part.sandbox])
    try {
      return await work(sandbox)
    } finally {
      sandbox.close()
    }
  }

  async pictures(part: Part): Promise<Pictures> {
    const [host, sandbox] = await Promise.all([snapshotHere(), snapshotHere(this.paths[part.sandbox])])
    const files = part.steps.flatMap((step) => (step.kind === 'file' ? linesOf(step.path) : []))
    return { host: { ...host, files }, sandbox }
  }

  async close(): Promise<void> {
    this.kernel.close()
    await this.sandboxes.endAll()
  }
}
