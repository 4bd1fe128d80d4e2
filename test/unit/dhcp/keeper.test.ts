/**
 * Leases that the keeper of DHCP leases has written down, damaged: it starts all
 * the same, says which one, and keeps the file.
 *
 * @module
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { askKeeper } from '../../../lib/engine/dhcp/control.ts'
import { runKeeper } from '../../../lib/engine/dhcp/daemon.ts'
import { damage } from '../state/damage.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tsnet-keeper-'))
  mkdirSync(`${folder}/dhcp.leases`)
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** Of another boot: nothing of it is left to go on with. */
const lease = JSON.stringify({
  order: {
    ...{ network: 'lan', container: 'web', ifname: 'eth0', netns: '/run/netns/web' },
    ...{ clientId: '00', wanted: [], provided: [] },
  },
  lease: {},
  leasedMs: 1,
  sandbox: { cookie: '1', bootId: 'another' },
})

/** One keeper's life. @returns how many leases it has, and what it said */
async function keep(): Promise<{ readonly leases: number | undefined; readonly said: readonly string[] }> {
  const socketPath = `${folder}/dhcp.sock`
  const said: string[] = []
  const end = new AbortController()
  const patience = { broadcast: false, firstPauseMs: 10, longestPauseMs: 10, limitMs: 1000 }
  const running = runKeeper(
    { ...patience, socketPath, hostPrefix: '', onDemand: false, log: (line) => void said.push(line) },
    end.signal,
  )
  try {
    const asked = async () => {
      const answer = await askKeeper(socketPath, { op: 'status' }, 10_000)
      if (answer === undefined) throw new Error('nobody listens yet')
      return answer
    }
    const answer = await Promise.race([
      expect.poll(asked, { timeout: 30_000 }).toMatchObject({ ok: true }).then(asked),
      // It never ends by itself: one that cannot start says why.
      running.then(() => Promise.reject(new Error('the keeper has ended'))),
    ])
    return { leases: answer.ok ? answer.leases : undefined, said }
  } finally {
    end.abort()
    await running
  }
}

it.each(Object.keys(damage))('a lease %s: kept aside and said, and one of another boot goes', async (how) => {
  const path = `${folder}/dhcp.leases/web.json`
  writeFileSync(`${folder}/dhcp.leases/old.json`, lease)
  // The second time beside what was kept before.
  for (const one of [how, 'a folder', how]) {
    writeFileSync(path, lease)
    damage[one]?.(path, lease)
    expect(await keep()).toEqual({
      leases: 0,
      said: [
        expect.stringMatching(new RegExp(`^reading ${path}: .*; it is kept as ${path}.unreadable$`, 's')),
      ],
    })
    expect(readdirSync(`${folder}/dhcp.leases`)).toEqual(['web.json.unreadable'])
  }
})
