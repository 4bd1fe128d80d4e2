/**
 * A container whose record somebody has damaged: its ports go on working, nobody
 * else notices, and the teardown of its own door takes all of it back, by the
 * tags of its rules and links in the kernel.
 *
 * @module
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Container, Host } from '../../netns-fixtures/host.ts'
import { createLab, type Lab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { type Snapshot, snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'
import { cni } from './cni.ts'
import { netavark } from './netavarkcalls.ts'
import { differences, layStreet, type Street } from './traceless.ts'

let lab: Lab
let street: Street
let host: Host

beforeAll(async () => {
  needs('root', 'ip', 'nft', 'iptables-nft', 'veth', 'bridge', 'built')
  lab = await createLab()
  street = await layStreet(lab)
  host = street.host
}, 60_000)

afterAll(() => lab?.dispose())

const records = '/run/tsnet/containers'

/** Whatever records there are of it, cut. */
async function lose(id: string): Promise<void> {
  const { stdout } = await host.sh(`cd ${records}; for f in ${id}*.json; do echo '{' > "$f"; echo "$f"; done`)
  expect(stdout).toContain(id)
}

/** What every teardown leaves as long as there are others: empty folders, the turn of addresses, a bridge that was up. */
const usual =
  /^[+-] (?:files: \/run\/tsnet\/(?:names|ephemeral|leases\/strict)\/ |files: \S+\.last4|link: ts-strict-\w+ tso_max_size|route6: .*"dev":"ts-strict-)/

async function takenBack(work: () => Promise<void>): Promise<void> {
  expect((await differences(host, work)).filter((line) => !usual.test(line))).toEqual([])
}

const answerFrom = async (port: number): Promise<string | undefined> =>
  (await street.outside.probe.http('198.51.100.1', port)).body

interface Door {
  readonly name: string
  readonly id: (box: Container) => string
  readonly up: (box: Container, env: Env) => Promise<unknown>
  readonly down: (box: Container, env: Env) => Promise<unknown>
}

type Env = Readonly<Record<string, string>>

const conf = {
  ...{ cniVersion: '1.0.0', name: 'n77', type: 'tsnet', bridge: 'cni77' },
  ipam: { subnets: ['10.70.77.0/24'] },
  runtimeConfig: { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }] },
}
const ports = [{ host_ip: '', container_port: 80, host_port: 8080, range: 1, protocol: 'tcp' }]

const doors: readonly Door[] = [
  {
    name: 'tsnet teardown',
    id: () => 'web',
    up: async ({ netns }, env) => {
      await host.tsnet('setup', '--netns', netns, '--id', 'web', '--network', 'front', '-p', '8080:80', {
        env,
      })
      await host.tsnet('network', 'connect', 'strict', 'web', { env })
    },
    down: async (_box, env) => {
      const { stdout } = await host.tsnet('teardown', 'web', { env })
      expect(stdout.split('\n').filter((line) => line.startsWith('took down web'))).toHaveLength(2)
    },
  },
  {
    name: 'CNI DEL',
    id: () => 'web',
    up: ({ netns }, env) => cni(host, 'ADD', conf, { id: 'web', netns, env }),
    down: ({ netns }, env) => cni(host, 'DEL', conf, { id: 'web', netns, env }),
  },
  {
    name: 'netavark teardown',
    id: ({ pid }) => `c78-${pid}`,
    up: (box, env) =>
      netavark(
        host,
        { box, number: 78, call: { port_mappings: ports } },
        { verb: 'setup', env, firewall: env['TSNET_FIREWALL'] ?? '' },
      ),
    down: (box, env) =>
      netavark(
        host,
        { box, number: 78, call: { port_mappings: ports } },
        { verb: 'teardown', env, firewall: env['TSNET_FIREWALL'] ?? '' },
      ),
  },
]

describe.each(['nftables', 'iptables'])('with %s, beside a living container', (backend) => {
  const env = { TSNET_FIREWALL: backend, TSNET_VIA: 'local' }

  let before: Snapshot

  beforeAll(async () => {
    before = await snapshot(host)
    const db = await host.container()
    await host.tsnet('network', 'create', 'front', '--subnet', '10.71.0.0/24', { env })
    await host.tsnet('network', 'create', 'strict', '-o', 'protect=strict', { env })
    await host.tsnet('setup', '--netns', db.netns, '--id', 'db', '--network', 'front', '-p', '8090:80', {
      env,
    })
    await db.serve.http(80, { body: 'db' })
  })

  it.each(doors)(
    'a lost record: its ports go on, and $name takes all of it back',
    async ({ id, up, down }) => {
      const box = await host.container()
      const living = (await host.run(['cat', `${records}/db.json`])).stdout
      await takenBack(async () => {
        await up(box, env)
        await box.serve.http(80, { body: 'web' })
        await lose(id(box))
        await host.tsnet('gc', { env })
        await host.tsnet('firewall', 'reload', { env })
        expect([await answerFrom(8080), await answerFrom(8090)]).toEqual(['web', 'db'])
        await down(box, env)
      })
      expect((await host.run(['cat', `${records}/db.json`])).stdout).toBe(living)
      expect(await answerFrom(8090)).toBe('db')
    },
  )

  it('a record and its copy that were removed: gc takes the rest, and only that', async () => {
    const box = await host.container()
    const [tsnet, , podman] = doors as [Door, Door, Door]
    await takenBack(async () => {
      await tsnet.up(box, env)
      await host.sh(`rm ${records}/web*.json`)
      const { stdout } = await host.tsnet('gc', { env })
      expect(stdout).toContain('removed what was left of web/eth0')
      await podman.up(box, env)
      await host.sh(`rm ${records}/${podman.id(box)}*.json`)
      await host.tsnet('gc', { env })
    })
    expect(await answerFrom(8090)).toBe('db')
  })

  it('in the end nothing at all is left', async () => {
    await host.tsnet('teardown', 'db', { env })
    await host.tsnet('network', 'rm', 'front', 'strict', { env })
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
  })
})
