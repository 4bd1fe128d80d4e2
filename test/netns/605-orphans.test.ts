/**
 * A tsnet that is killed while a program it has started changes rules: the
 * program goes on, so nobody may take back its work before it has ended.
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { Host } from '../../netns-fixtures/host.ts'
import { createLab } from '../../netns-fixtures/lab.ts'
import { repository } from '../../netns-fixtures/place.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { layStreet, leavesNothing } from './traceless.ts'

needs('root', 'ip', 'iptables-nft', 'iptables-legacy', 'veth', 'bridge', 'ipv6')

const slow = '/run/slow'
const env = { TSNET_FIREWALL: 'iptables', TSNET_VIA: 'local' }
/** For the one that is killed: its restore programs wait before they begin. */
const slowly = { ...env, PATH: `${slow}:${process.env['PATH']}` }

/** Programs of iptables' names that tell they were started, and wait until they are let go. */
async function laySlowPrograms(host: Host, tool: string): Promise<void> {
  const script = [
    '#!/bin/sh',
    `echo $$ >> ${slow}/begun`,
    `while [ -e ${slow}/frozen ]; do sleep 0.01; done`,
    'exec "/usr/sbin/$(basename "$0")" "$@"',
  ].join('\n')
  const names = ['ip', 'ip6'].flatMap((ip) => [`${ip}tables-restore`, `${ip}tables-${tool}-restore`])
  const links = names.map((name) => `ln -s program ${name}`).join('; ')
  await host.sh(`mkdir ${slow}; cd ${slow}; touch frozen; cat > program; chmod +x program; ${links}`, {
    stdin: `${script}\n`,
  })
}

const begun = `until [ -s ${slow}/begun ]; do sleep 0.01; done`
const thawed = `rm ${slow}/frozen; for pid in $(cat ${slow}/begun); do while [ -e /proc/$pid ]; do sleep 0.01; done; done`

describe('a tsnet killed while its rules program runs', () => {
  it.concurrent.each([
    ['setup', 'nft', 'first'],
    ['setup', 'nft', 'second'],
    ['setup', 'legacy', 'second'],
    ['teardown', 'nft', 'second'],
  ] as const)('leaves nothing of the %s, iptables-%s, %s container', async (task, iptables, nth) => {
    await using lab = await createLab()
    const { host } = await layStreet(lab, { iptables })
    const [living, box] = [await host.container(), await host.container()]
    const second = nth === 'second'
    await leavesNothing(host, async () => {
      if (second)
        await host.tsnet('setup', '--netns', living.netns, '--id', 'living', '-p', '9090:90', { env })
      const setup = ['setup', '--netns', box.netns, '--id', 'one', '-p', '8080:80']
      if (task === 'teardown') await host.tsnet(...setup, { env })
      await laySlowPrograms(host, iptables)
      const words = task === 'setup' ? setup : ['teardown', 'one']
      const killed = host.start([process.execPath, `${repository}dist/bin/tsnet`, ...words], { env: slowly })
      await host.sh(begun)
      process.kill(killed.pid, 'SIGKILL')
      await killed.exited
      // It waits for the program, or leaves its work to the next one.
      const healer = host.tsnet('gc', { env, timeoutMs: 30_000 })
      await Promise.race([healer, sleep(1000)])
      await host.sh(thawed)
      await healer
      await host.tsnet('gc', { env })
      expect(await host.tsnetJson('check')).toEqual([])
      expect((await host.sh('iptables-save; ip6tables-save')).stdout).not.toContain('8080')
      if (second) await host.tsnet('teardown', 'living', { env })
      await host.sh(`rm -r ${slow}`)
    })
  })
})
