/**
 * Two tsnets on one host, each with a state folder of its own: neither takes
 * anything of the other, be it by gc, by its first set-up or by its last teardown.
 *
 * @module
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Container, Host } from '../../netns-fixtures/host.ts'
import { createLab, type Lab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { type CniDocument, type Conf, cni, reference } from './cni.ts'
import { differences, layStreet, leavesNothing, type Street } from './traceless.ts'

let lab: Lab
let street: Street
let host: Host

beforeAll(async () => {
  needs('root', 'ip', 'nft', 'iptables-nft', 'veth', 'bridge', 'cni-plugins', 'built')
  lab = await createLab()
  street = await layStreet(lab)
  host = street.host
}, 60_000)

afterAll(() => lab?.dispose())

const answerFrom = async (port: number): Promise<string | undefined> =>
  (await street.outside.probe.http('198.51.100.1', port)).body

/** Calls of the tsnet whose folder is this one; the usual one where it is empty. */
function tsnetIn(folder: string, backend: string) {
  const words = folder === '' ? [] : ['--state-dir', folder]
  const env = { TSNET_FIREWALL: backend, TSNET_VIA: 'local' }
  const call = (...argv: string[]) => host.tsnet(...words, ...argv, { env })
  return {
    call,
    refused: async (...argv: string[]) =>
      (await host.tsnet(...words, ...argv, { env, expectExit: 4 })).stderr,
    up: async (id: string, port: number): Promise<string[]> => {
      const box = await serving(id)
      const network = `of-${id}`
      await call('network', 'create', network)
      return (
        await call('setup', '--netns', box.netns, '--id', id, '--network', network, '-p', `${port}:80`)
      ).stdout.split('\n')
    },
    down: async (id: string) => {
      await call('teardown', id)
      await call('network', 'rm', `of-${id}`)
    },
  }
}

async function serving(body: string): Promise<Container> {
  const box = await host.container()
  await box.serve.http(80, { body })
  return box
}

describe.each([
  {
    ...{ backend: 'nftables', another: 'iptables', first: '', second: '/run/second' },
    way: 'use no --state-dir here',
  },
  {
    ...{ backend: 'iptables', another: 'nftables', first: '/run/first', second: '' },
    way: 'use --state-dir /run/first here',
  },
])('with rules of $backend in one folder', ({ backend, another, first, second, way }) => {
  it('another is refused the same backend, and lives beside it with the other', async () => {
    await leavesNothing(host, async () => {
      const [one, two] = [tsnetIn(first, backend), tsnetIn(second, backend)]
      await one.up('web', 8080)
      const box = await serving('db')
      const words = ['setup', '--netns', box.netns, '--id', 'db', '-p', '8090:80']
      expect(
        await differences(host, async () => {
          for (const argv of [words, ['network', 'create', 'front']]) {
            const told = await two.refused(...argv)
            expect(told).toContain(`making packet rules with ${backend}: on this host they belong to `)
            expect(told).toContain(`hint: ${way} too, or --firewall ${another}`)
          }
          await two.call('gc')
        }),
      ).toEqual([])
      const beside = tsnetIn(second, another)
      await beside.up('db', 8090)
      await beside.call('gc')
      await beside.call('firewall', 'reload')
      await one.call('gc')
      await one.call('firewall', 'reload')
      expect([await answerFrom(8080), await answerFrom(8090)]).toEqual(['web', 'db'])
      await beside.down('db')
      await beside.call('gc')
      expect(await answerFrom(8080)).toBe('web')
      await one.down('web')
      // Nobody has them any more.
      await two.up('db', 8090)
      expect(await answerFrom(8090)).toBe('db')
      await two.down('db')
    })
  })

  it('ports of a chain on a bridge of others stay when another folder begins, looks and ends', async () => {
    const chain = (type: string, more: Conf = {}): Conf => ({
      cniVersion: '1.0.0',
      name: 'n74',
      type,
      ...more,
    })
    const bridge = chain('bridge', {
      ...{ bridge: 'cni74', isGateway: true, ipMasq: true },
      ipam: { type: 'host-local', subnet: '10.74.0.0/24', routes: [{ dst: '0.0.0.0/0' }] },
    })
    const ports = {
      runtimeConfig: { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }] },
    }
    const parts = [
      chain('portmap', { ...ports, ...(backend === 'nftables' ? { backend } : {}) }),
      chain('firewall'),
    ]
    const box = await serving('chained')
    const done = async (conf: Conf, command: string, more: object): Promise<CniDocument> => {
      const { exitCode, json, stdout, stderr } = await cni(host, command, conf, { netns: box.netns, ...more })
      expect([exitCode, stderr, exitCode === 0 ? '' : stdout]).toEqual([0, '', ''])
      return json
    }
    const prevResult = await done(bridge, 'ADD', { from: reference })
    for (const part of parts) await done(part, 'ADD', { prevResult })
    const other = tsnetIn('/run/second', backend)
    await other.call('gc')
    await other.up('db', 8090)
    await other.call('gc')
    await other.call('firewall', 'reload')
    expect([await answerFrom(8080), await answerFrom(8090)]).toEqual(['chained', 'db'])
    await other.down('db')
    await other.call('gc')
    expect(await answerFrom(8080)).toBe('chained')
    for (const part of [...parts].reverse()) await done(part, 'DEL', { prevResult })
    await done(bridge, 'DEL', { from: reference })
  })
})
