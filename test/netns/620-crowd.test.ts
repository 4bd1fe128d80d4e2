/**
 * Many set-ups and teardowns at once, by every door and with both backends, while
 * names are asked for: nothing is given twice, nobody waits for ever, and nothing
 * is left.
 *
 * @module
 */
import { expect, it } from 'vitest'
import type { Host } from '../../netns-fixtures/host.ts'
import { createLab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'
import { figure, size } from './chaos.ts'
import { filesOfDaemon } from './chaosyard.ts'
import { layLifeYard, liveTogether } from './lives.ts'

needs('root', 'ip', 'nft', 'iptables-nft', 'veth', 'bridge', 'ipv6', 'built', 'dig', 'dnsmasq')

const listed = async (host: Host): Promise<unknown> => host.tsnetJson('ls', { timeoutMs: 30_000 })

it('a crowd by every door: no address, port, name or MAC twice, no name lost, nothing left', {
  timeout: 600_000,
}, async () => {
  await using lab = await createLab()
  const { host, daemon, doors, untouched, askOften } = await layLifeYard(lab)
  const asking = askOften()
  const tally = await liveTogether(host, doors, {
    seats: size(8, 200),
    forMs: size(6000, 60_000),
    shares: { launcher: 8, cni: 6, netavark: 4, library: 4, command: 2 },
  })
  const answers = await asking.end()
  expect([...answers.keys()]).toEqual(['10.89.0.2'])
  expect(await listed(host)).toMatchObject([{ container: { id: 'asker' } }])
  expect(await host.tsnetJson('check', { timeoutMs: 30_000 })).toEqual([])
  await host.tsnet('teardown', 'asker')
  await daemon.stop()
  expect(snapshotDifference(untouched, await snapshot(host), { except: filesOfDaemon })).toEqual([])
  expect(tally.refused).toBeLessThan(tally.operations)
  const [count] = answers.values()
  figure(
    `a crowd of ${size(8, 200)} for ${tally.seconds} s: ${tally.operations} operations, ${tally.refused} ports refused, ` +
      `the longest ${tally.longestMs} ms, ${count} names asked for`,
  )
})
