/**
 * A network of thirteen addresses serves container after container, each killed
 * without a teardown: addresses, ports and names of the dead are taken back when
 * they are wanted, and never those of the living.
 *
 * @module
 */
import { expect, it } from 'vitest'
import type { Attachment, ContainerNetwork } from '../../lib/index.ts'
import { createLab } from '../../netns-fixtures/lab.ts'
import { repository } from '../../netns-fixtures/place.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'
import { figure, size } from './chaos.ts'
import { filesOfDaemon } from './chaosyard.ts'
import { layStreet } from './traceless.ts'

needs('root', 'ip', 'nft', 'veth', 'bridge', 'ipv6', 'built')

const launcher = `${repository}dist/launcher/tsnet`
const env = { TSNET_FIREWALL: 'nftables' }

it('a /28 serves containers one after another, each killed without a teardown', {
  timeout: 3_600_000,
}, async () => {
  await using lab = await createLab()
  const { host } = await layStreet(lab)
  const daemon = host.start([process.execPath, `${repository}dist/bin/tsnet`, 'daemon', 'run'])
  await daemon.waitFor('"listening"')
  const before = await snapshot(host)
  const network = ['network', 'create', 'small', '--subnet', '10.91.7.0/28', '--firewall', 'nftables']
  await host.tsnet(...network)
  const setUp = async (netns: string, id: string, ...words: string[]): Promise<Attachment | undefined> => {
    const who = ['--netns', netns, '--id', id, '--network', 'small', '--json']
    const { stdout } = await host.run([launcher, 'setup', ...who, ...words], { env, timeoutMs: 30_000 })
    return (JSON.parse(stdout) as ContainerNetwork).attachments[0]
  }
  const living = await host.container()
  const first = await setUp(living.netns, 'living', '-p', '9090:90')
  expect(first?.addresses).toEqual(['10.91.7.2/28'])
  const count = size(60, 5000)
  const seen = new Map<string, number>()
  const begun = performance.now()
  for (let nth = 0; nth < count; nth++) {
    const box = await host.container()
    // Every one wants the port and the name of the one before.
    const given = await setUp(box.netns, `one${nth}`, '-p', '8080:80', '--container-name', 'one')
    const address = given?.addresses[0] ?? 'none'
    seen.set(address, (seen.get(address) ?? 0) + 1)
    await box.end()
  }
  const seconds = (performance.now() - begun) / 1000
  // The gateway is 10.91.7.1, and the living one has kept its own.
  expect([...seen.keys()].every((one) => /^10\.91\.7\.([3-9]|1[0-4])\/28$/.test(one))).toBe(true)
  await living.serve.tcp(90)
  expect(await host.probe.tcp('127.0.0.1', 9090)).toBe('reached')
  await host.tsnet('gc')
  expect(await host.tsnetJson('ls')).toMatchObject([{ container: { id: 'living' } }])
  expect(await host.tsnetJson('check')).toEqual([])
  await host.tsnet('teardown', 'living')
  await host.tsnet('network', 'rm', 'small')
  expect(snapshotDifference(before, await snapshot(host), { except: filesOfDaemon })).toEqual([])
  figure(
    `a /28 and ${count} containers, each killed: ${seconds.toFixed(0)} s, ${seen.size} addresses in turn`,
  )
  await daemon.stop()
})
