/**
 * What a process that stays looks at, once a second, to hold the ports that others reserve.
 *
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { heldFiles, keepPorts } from '../../../lib/engine/attach/portholding.ts'
import type { EngineContext } from '../../../lib/engine/context.ts'
import type { HostPorts, PortHolding } from '../../../lib/kernel/kernel.ts'
import { statePaths } from '../../../lib/state/paths.ts'
import { type PortFiles, reservations } from '../../../lib/state/reservations.ts'

const second = 1000
const key = (port: number) => ({ protocol: 'tcp', address: 'any', port, count: 1 })
const owner = { record: 'web', container: 'web', path: '/sandboxes/web', cookie: '1', bootId: 'boot' }

let folder: string
let held: HostPorts[]
let reads: number
let keeping: { stop(): void } | undefined

beforeEach(() => {
  vi.useFakeTimers()
  folder = mkdtempSync(join(tmpdir(), 'tsnet-holding-'))
  held = []
  reads = 0
})

afterEach(() => {
  keeping?.stop()
  vi.useRealTimers()
  rmSync(folder, { recursive: true, force: true })
})

const holding = (isOn: boolean): PortHolding => ({
  isOn: () => isOn,
  hold: (ports) => {
    held = [...held.filter(({ port }) => port !== ports.port), ports]
  },
  letGo: (ports) => {
    held = held.filter(({ port }) => port !== ports.port)
  },
  held: () => held,
})

/** Of a process that stays, or of one that does not. */
function portsOf(isOn: boolean): PortFiles {
  return heldFiles(reservations(statePaths(folder)).ports, { portHolding: holding(isOn) })
}

function keep(): void {
  const ports = portsOf(true)
  const counted: PortFiles = {
    ...ports,
    list: () => {
      reads++
      return ports.list()
    },
  }
  keeping = keepPorts(
    () => ({ reservations: { ports: counted }, kernel: { portHolding: holding(true) } }) as EngineContext,
  )
}

/** Passes time, and says how often all reservations were read and what is held then. */
function seenAfter(seconds: number): { readonly reads: number; readonly held: readonly number[] } {
  const before = reads
  vi.advanceTimersByTime(seconds * second)
  return { reads: reads - before, held: held.map(({ port }) => port).sort() }
}

describe('a process that stays', () => {
  it('holds what was reserved before it came, and reads it no more than that as long as nobody changes anything', () => {
    portsOf(false).take(key(80), owner)
    keep()
    expect(seenAfter(5).held).toEqual([80])
    expect(seenAfter(60)).toEqual({ reads: 0, held: [80] })
  })

  it('sees what others reserve and give back within a second', () => {
    portsOf(false).take(key(80), owner)
    keep()
    seenAfter(10)
    portsOf(false).take(key(81), owner)
    expect(seenAfter(1)).toEqual({ reads: 1, held: [80, 81] })
    portsOf(false).release(key(80))
    expect(seenAfter(1)).toEqual({ reads: 1, held: [81] })
    seenAfter(5)
    expect(seenAfter(60)).toEqual({ reads: 0, held: [81] })
  })

  it('reads nothing because of what it reserves itself', () => {
    portsOf(false).take(key(80), owner)
    keep()
    seenAfter(30)
    portsOf(true).take(key(81), owner)
    expect(seenAfter(10)).toEqual({ reads: 0, held: [80, 81] })
    portsOf(true).release(key(80))
    expect(seenAfter(10)).toEqual({ reads: 0, held: [81] })
  })

  it('looks once more after the last change: whoever announced it may not have made it yet', () => {
    const { ports } = reservations(statePaths(folder))
    ports.take(key(80), owner)
    keep()
    seenAfter(10)
    ports.announce()
    expect(seenAfter(1)).toEqual({ reads: 1, held: [80] })
    ports.take(key(81), owner)
    expect(seenAfter(1)).toEqual({ reads: 1, held: [80, 81] })
  })

  it('holds nothing that its engine holds itself', () => {
    portsOf(false).take(key(80), { ...owner, callerHolds: true })
    keep()
    expect(seenAfter(5).held).toEqual([])
  })
})
