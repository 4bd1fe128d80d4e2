/**
 * The keeper of DHCP leases beside damaged files and foreign callers: it starts
 * all the same and says which lease it could not read, and goes on answering.
 *
 * @module
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
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

/** One keeper's life. @returns how many leases it has at its end, and what it said */
async function keep(
  meanwhile: (socketPath: string) => Promise<void> = async () => undefined,
): Promise<{ readonly leases: number | undefined; readonly said: readonly string[] }> {
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
      expect
        .poll(asked, { timeout: 30_000 })
        .toMatchObject({ ok: true })
        .then(() => meanwhile(socketPath))
        .then(asked),
      // It never ends by itself: one that cannot start says why.
      running.then(() => Promise.reject(new Error('the keeper has ended'))),
    ])
    return { leases: answer.ok ? answer.leases : undefined, said }
  } finally {
    end.abort()
    await running
  }
}

/** What comes back until the keeper hangs up. @param hangUp after these words; else the line stays open */
function say(socketPath: string, words: string, { hangUp }: { readonly hangUp: boolean }): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(socketPath)
    let heard = ''
    socket.on('data', (piece: Buffer) => {
      heard += piece.toString()
    })
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(heard))
    if (hangUp) socket.end(words)
    else socket.write(words)
  })
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

it.each([
  [
    "Go's rpc, as the reference plugin speaks it",
    'CONNECT /_goRPC_ HTTP/1.0\n\n',
    /no JSON|a value is expected/,
  ],
  ['null', 'null\n', /op: it is missing/],
  ['a question of another version', '{"op":"inform"}\n', /op: it is "inform", one of "acquire"/],
])(
  '%s is answered with what is wrong about it, and whoever comes after is served',
  async (_, words, what) => {
    const { leases } = await keep(async (socketPath) => {
      expect(JSON.parse(await say(socketPath, words, { hangUp: false }))).toMatchObject({
        ok: false,
        code: 'TSNET_BAD_JSON',
        message: expect.stringMatching(what),
      })
    })
    expect(leases).toBe(0)
  },
)

it('who hangs up before a question is whole, or never comes to its end, is let go', async () => {
  await keep(async (socketPath) => {
    expect(await say(socketPath, '', { hangUp: true })).toBe('')
    expect(await say(socketPath, '{"op":', { hangUp: true })).toBe('')
    expect(await say(socketPath, 'x'.repeat(1024 * 1024 + 1), { hangUp: false })).toBe('')
  })
})
