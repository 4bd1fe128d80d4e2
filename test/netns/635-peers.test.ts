/**
 * The comparison with the reference CNI plugins and netavark (test/peers), as
 * little of it as shows that it runs and that its judge sees what is left.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { createLab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { type ContenderName, contenders } from '../peers/contenders.ts'
import { failing, forgotten } from '../peers/faults.ts'
import { crowd, flushed } from '../peers/life.ts'
import { render } from '../peers/table.ts'
import { layYard } from '../peers/yard.ts'

needs('root', 'ip', 'nft', 'iptables-nft', 'veth', 'bridge', 'ipv6', 'strace', 'netavark', 'aardvark')
needs('cni-plugins', 'built')

const left: Readonly<Record<ContenderName, readonly string[]>> = {
  tsnet: ['leases', 'names', 'records', 'rules'],
  cni: ['leases', 'rules'],
  netavark: ['names', 'rules'],
}
const none = (): void => undefined

describe('the comparison with peers', () => {
  it.each(Object.keys(left) as ContenderName[])(
    'sees what a container of %s leaves that nobody takes down',
    async (name) => {
      await using lab = await createLab()
      const yard = await layYard(lab, name)
      const who = await yard.newcomer()
      await yard.run('setup', who)
      await who.box.kill()
      expect([...(await yard.left())].sort()).toEqual(left[name])
      await contenders[name].gc?.(yard.host)
      expect([...(await yard.left())].sort()).toEqual(contenders[name].gc === undefined ? left[name] : [])
    },
  )

  it('kills, refuses, crowds and flushes', { timeout: 300_000 }, async () => {
    expect(await forgotten('cni', 1, none)).toMatchObject({ met: 1, dirty: 0, broken: 0 })
    expect(await failing('netavark', 1, none)).toMatchObject({ met: 1 })
    expect(await crowd('tsnet', 2)).toMatchObject({ failedSetups: 0, failedTeardowns: 0, left: new Set() })
    expect(await flushed('netavark', 50)).toBeUndefined()
    expect(render([{ what: 'left', cells: { tsnet: '0', cni: '1', netavark: '2' } }])).toBe(
      '|  | tsnet | CNI plugins 1.1.1 | netavark 1.4.0 |\n| --- | --- | --- | --- |\n| left | 0 | 1 | 2 |\n',
    )
  })
})
