/**
 * What the examples of the help make can be taken back by the commands they show.
 */
import { describe, expect, it } from 'vitest'
import { type Example, examples } from '../../cmd/tsnet/examples.ts'
import { createLab } from '../../netns-fixtures/lab.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'
import { before, shell } from './helpexamples.ts'

describe('everything the examples make', () => {
  it('is gone again after one teardown for each container and one prune', { timeout: 300_000 }, async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const { pid } = await lab.container(host)
    const clean = ['tsnet ls -q | xargs -r -n1 tsnet teardown', 'tsnet network prune']
    const setups = examples.filter(({ command }) => command === 'setup')
    const make = ({ script, given = [] }: Example) =>
      shell(host, [...given.map((name) => before[name]), ...script], pid, 'iptables')
    const remove = () => shell(host, [...clean, 'ip netns delete db 2>/dev/null || true'], pid, 'iptables')

    // What stays for the whole host's sake, such as ip_forward and empty folders, is there after one round.
    for (const example of setups.slice(0, 2)) await make(example)
    await remove()
    const empty = await snapshot(host)
    for (const example of setups) {
      await make(example)
      expect(snapshotDifference(empty, await snapshot(host))).not.toEqual([])
      await remove()
      expect(snapshotDifference(empty, await snapshot(host))).toEqual([])
    }
  })
})
