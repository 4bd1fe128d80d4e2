/**
 * The engine contract without a host: on the memory kernel in this process, and
 * through a daemon whose kernel is the same memory.
 *
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, it } from 'vitest'
import { runDaemon } from '../../lib/daemon.ts'
import { type Engine, engineOn, openEngine } from '../../lib/index.ts'
import { createMemoryKernel, type MemoryKernel } from '../../lib/kernel/memory/memory.ts'
import { type EngineWorld, engineContract } from './engine.contract.ts'
import { recordsBelow } from './records.ts'

const ends: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

interface Memory {
  readonly stateDir: string
  readonly kernel: MemoryKernel
  readonly world: Omit<EngineWorld, 'engine'>
}

function memory(onStep: { tell?: (line: string) => void } = {}): Memory {
  const stateDir = mkdtempSync(join(tmpdir(), 'tsnet-engine-'))
  ends.push(() => rmSync(stateDir, { recursive: true, force: true }))
  const kernel = createMemoryKernel({
    onStep: ({ kind }, phase) => {
      if (phase === 'after') onStep.tell?.(`type ${kind}`)
    },
  })
  kernel.addSandbox('/own', { own: true })
  let count = 0
  const world = {
    ownNamespace: '/own',
    sandbox: async () => {
      const path = `/run/netns/${++count}`
      kernel.addSandbox(path)
      return path
    },
    endSandbox: async (path: string) => kernel.removeSandbox(path),
    dump: async () => kernel.dump() + recordsBelow(stateDir),
  }
  return { stateDir, kernel, world }
}

function localWorld(): EngineWorld {
  const steps: { tell?: (line: string) => void } = {}
  const { stateDir, kernel, world } = memory(steps)
  return {
    ...world,
    engine: ({ onStep } = {}) => {
      if (onStep !== undefined) steps.tell = onStep
      return engineOn(kernel, { stateDir, firewall: 'nftables' })
    },
  }
}

function daemonWorld(): EngineWorld {
  const steps: { tell?: (line: string) => void } = {}
  const { stateDir, kernel, world } = memory(steps)
  const controller = new AbortController()
  const running = runDaemon({
    stateDir,
    programs: {},
    signal: controller.signal,
    print: () => undefined,
    makeKernel: ({ onStep }) => {
      if (onStep !== undefined) steps.tell = onStep
      return kernel
    },
  })
  const opened: Engine[] = []
  ends.push(async () => {
    for (const engine of opened) await engine.close()
    controller.abort()
    await running
  })
  return {
    ...world,
    engine: async ({ onStep } = {}) => {
      const engine = await openEngine({
        stateDir,
        firewall: 'nftables',
        via: 'daemon',
        ...(onStep === undefined ? {} : { onStep }),
      })
      opened.push(engine)
      return engine
    },
  }
}

describe.each([
  { name: 'in this process', makeWorld: localWorld },
  { name: 'at the daemon', makeWorld: daemonWorld },
])('an engine on the memory kernel, $name,', ({ makeWorld }) => {
  it.each(engineContract)('$title', ({ run }) => run(makeWorld()))
})
