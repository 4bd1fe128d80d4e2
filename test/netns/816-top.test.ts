/**
 * Live traffic: how much, with whom, and what was dropped.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import type { TopView } from '../../lib/index.ts'
import { createLab } from '../../netns-fixtures/lab.ts'
import { repository } from '../../netns-fixtures/place.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { setUpNamed } from './named.ts'

needs('root', 'ip', 'nft', 'veth', 'bridge', 'ipv6')

const tsnet = `${process.execPath} ${repository}dist/bin/tsnet`

describe('tsnet top', () => {
  it('counts bytes a second per container and per peer, by name', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const { db } = await setUpNamed({ lab, host }, { web: [], db: [] })
    const pinging = host.start([
      'nsenter',
      '-t',
      String(db.pid),
      '-n',
      'ping',
      '-s',
      '1000',
      '-i',
      '0.05',
      '10.89.0.2',
    ])
    await pinging.waitFor('icmp_seq=1')
    const look = () => host.tsnetJson<TopView>('top', '--seconds', '1')
    const peersOfWeb = ({ containers }: TopView) => containers.find(({ name }) => name === 'web')?.peers ?? []
    let view = await look()
    // It may have begun or ended between a question and its answer; the next one does not as well.
    const isCut = () => peersOfWeb(view)[0]?.received !== peersOfWeb(view)[0]?.sent
    for (let tries = 0; tries < 3 && isCut(); tries++) view = await look()
    expect(view.seconds).toBeGreaterThanOrEqual(1)
    // Containers of other engines are listed too, and there may be one on this machine just now.
    const named = view.containers.map(({ name }) => name)
    expect(named.filter((name) => ['db', 'host', 'web'].includes(name)).sort()).toEqual(['db', 'web'])
    const row = view.containers.find(({ name }) => name === 'web')
    const [peer] = peersOfWeb(view)
    expect(peer).toMatchObject({ address: '10.89.0.3', name: 'db' })
    // Each echo has 1042 bytes with its headers, both ways; neighbours are asked for now and then.
    expect(peer?.received ?? 0).toBeGreaterThanOrEqual(1042)
    expect(peer?.received).toBe(peer?.sent)
    expect(row?.receivedBytes ?? 0).toBeGreaterThanOrEqual(peer?.received ?? 0)
    const { stdout } = await host.tsnet('top', 'web', '--once', '--seconds', '1')
    expect(stdout).toMatch(/^NAME +RECEIVED\/s +PACKETS\/s +SENT\/s +PACKETS\/s +DROPS$/m)
    expect(stdout).toMatch(/^web +[\d.]+ k?B +\d+ +[\d.]+ k?B +\d+ +\d+$/m)
    expect(stdout).toMatch(/^ {2}[├└] db +[\d.]+ k?B +[\d.]+ k?B$/m)
    await pinging.stop()
  })

  it('draws on a terminal until Ctrl-C, which it leaves as it was, and refuses one that is too small', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    await setUpNamed({ lab, host }, { web: [] })
    const on = (columns: number, rows: number): string[] => [
      ...['script', '-qec', `stty cols ${columns} rows ${rows}; TERM=xterm exec ${tsnet} top --seconds 1`],
      '/dev/null',
    ]
    const running = host.start(on(80, 24))
    await running.waitFor('web')
    running.write('\u0003')
    expect(await running.exited).toBe(0)
    const screen = running.output()
    expect(screen.startsWith('\u001b[?1049h\u001b[?25l')).toBe(true)
    expect(screen.trimEnd().endsWith('\u001b[?25h\u001b[?1049l')).toBe(true)
    const small = host.start(on(40, 5))
    expect(await small.exited).toBe(2)
    expect(small.output()).toContain('the terminal has 40 columns and 5 rows, top needs 64 and 6')
  })

  it('says so when the container has gone', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const { web } = await setUpNamed({ lab, host }, { web: [] })
    const running = host.start([...tsnet.split(' '), 'top', 'web', '--once', '--seconds', '3'])
    await host.sh(
      `until [ "$(ls -l /proc/${running.pid}/fd 2>/dev/null | grep -c socket)" -ge 1 ]; do sleep 0.05; done`,
    )
    await web.kill()
    const code = await running.exited
    expect([code, running.output().split('\n')[0]]).toEqual([
      3,
      expect.stringMatching(
        /^tsnet: (watching traffic of web: its network namespace is gone|finding container web: )/,
      ),
    ])
  })

  it('leaves out who comes and goes while it looks', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    await setUpNamed({ lab, host }, { web: [] })
    // Each stays long enough to be seen, and goes at a moment of its own.
    const churns = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) =>
      host.start([
        ...['sh', '-c'],
        `while :; do ip netns add ${name} && sleep 0.05; ip netns delete ${name} && echo round; done`,
      ]),
    )
    for (const churn of churns) await churn.waitFor('round')
    for (const _ of Array.from({ length: 5 })) {
      const { containers } = await host.tsnetJson<TopView>('top', '--seconds', '1')
      expect(containers.map(({ name }) => name)).toContain('web')
    }
    for (const churn of churns) await churn.stop()
  })
})
