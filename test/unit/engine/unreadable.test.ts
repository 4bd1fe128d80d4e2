/**
 * State files that somebody has cut, garbled, or written in another version:
 * said once, kept under another name, and everything else goes on.
 *
 * @module
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { decodeCreateNetwork, decodeSetupRequest, type Engine, engineOn } from '../../../lib/index.ts'
import { createMemoryKernel, type MemoryKernel } from '../../../lib/kernel/memory/memory.ts'

const damage: readonly (readonly [string, (text: string) => string])[] = [
  ['cut', (text) => text.slice(0, text.length / 2)],
  ['garbled', (text) => text.replaceAll('"', '\0')],
  ['of a newer version', (text) => text.replace('"version":1', '"version":2')],
  ['of an older one, without version', (text) => text.replace('"version":1,', '')],
  ['another document', () => '[]'],
]

let folder: string
let kernel: MemoryKernel
let engine: Engine
let said: string[]

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tsnet-unreadable-'))
  kernel = createMemoryKernel()
  said = []
  const onWarning = (text: string): void => void said.push(text)
  engine = await engineOn(kernel, { stateDir: folder, firewall: 'nftables', onWarning })
})

afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

const setUp = async (id: string, port: number) => {
  const sandbox = `/sandboxes/${id}`
  kernel.addSandbox(sandbox)
  return engine.setup(
    decodeSetupRequest({ sandbox, container: { id }, networks: ['front'], publish: [`${port}:80`] }),
  )
}

function hurt(below: string, name: string, change: (text: string) => string): void {
  const path = join(folder, below, name)
  writeFileSync(path, change(readFileSync(path, 'utf8')))
}

const namesIn = (below: string): readonly string[] => readdirSync(join(folder, below)).sort()

describe.each(damage)('a file that is %s', (_how, change) => {
  beforeEach(async () => {
    await engine.createNetwork(decodeCreateNetwork({ name: 'front' }))
    await setUp('web', 8080)
  })

  it('as the record of a container: said once and kept, what it held stays held, others come and go', async () => {
    hurt('containers', 'web.json', change)
    await setUp('db', 9090)
    expect((await engine.list()).map(({ container }) => container.id)).toEqual(['db'])
    await engine.gc()
    expect(said.filter((line) => line.includes('web.json'))).toHaveLength(1)
    expect(namesIn('containers')).toEqual(['db.json', 'web.json.unreadable'])
    await expect(setUp('third', 8080)).rejects.toMatchObject({ code: 'TSNET_PORT_IN_USE' })
    await engine.teardown({ container: 'db' })
  })

  it('as a journal entry: said once and kept, and the next command works', async () => {
    writeFileSync(
      join(folder, 'pending/container.dead.json'),
      change('{"version":1,"id":"dead","container":"dead","networks":[],"request":{},"steps":[]}'),
    )
    await setUp('db', 9090)
    await engine.teardown({ container: 'db' })
    expect(said.filter((line) => line.includes('container.dead.json'))).toHaveLength(1)
    expect(namesIn('pending')).toEqual(['container.dead.json.unreadable'])
  })

  it('as records of what containers share: planned anew, and all of it goes with the network', async () => {
    const units = namesIn('units')
    expect(units).toEqual(['base@nftables.json', 'network.front.json', 'rules.front@nftables.json'])
    const before = kernel.dump()
    for (const unit of units) hurt('units', unit, change)
    await engine.gc()
    expect(kernel.dump()).toEqual(before)
    expect(await engine.check()).toEqual([])
    expect(said).toHaveLength(3)
    await engine.teardown({ container: 'web' })
    await engine.removeNetwork('front')
    expect(namesIn('units').filter((name) => name.endsWith('.json'))).toEqual([])
    expect(String(kernel.dump())).not.toMatch(/tsnet:|inet tsnet|ts-front/)
  })
})
