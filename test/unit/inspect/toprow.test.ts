/**
 * What is told of a container's counters between two looks.
 */
import { describe, expect, it } from 'vitest'
import type { NamespaceView } from '../../../lib/index.ts'
import { rowOf } from '../../../lib/inspect/toprow.ts'

const view = { id: '4026532000', name: 'web' } as NamespaceView
const counters = (packets: number, drops: number) => ({
  rxBytes: packets * 100,
  txBytes: 0,
  rxPackets: packets,
  txPackets: 0,
  drops,
})

describe('a row of tsnet top', () => {
  it('has traffic by the second, and drops also as they are: a few in a long look are not none', () => {
    const look = { old: counters(0, 3), now: counters(600, 32), seconds: 60 }
    expect(rowOf(view, look, undefined, new Map())).toMatchObject({
      receivedBytes: 1000,
      receivedPackets: 10,
      drops: 0,
      dropped: 29,
    })
  })

  it('has nothing of a container that is seen for the first time', () => {
    const row = rowOf(view, { old: undefined, now: counters(7, 7), seconds: 2 }, undefined, new Map())
    expect(row).toMatchObject({ receivedPackets: 0, drops: 0, peers: [] })
  })
})
