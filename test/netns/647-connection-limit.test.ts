/**
 * `conntrack-limit` of a strict network, by the doors that take it: what one
 * container begins beyond it is dropped, its neighbour begins its own, and on a
 * network without the option nobody notices.
 *
 * @module
 */
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Container, Host } from '../../netns-fixtures/host.ts'
import { createLab, type Lab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { cni } from './cni.ts'
import { netavark } from './netavarkcalls.ts'
import { layStreet, leavesNothing, linksUp } from './traceless.ts'

let lab: Lab
let host: Host

beforeAll(async () => {
  needs('root', 'ip', 'nft', 'conntrack', 'veth', 'bridge', 'built')
  lab = await createLab()
  host = (await layStreet(lab)).host
}, 60_000)

afterAll(() => lab?.dispose())

const most = 40
/** Discard on a host of the outside: nobody answers, so each is a flow of its own. */
const port = 9
const many = `
  const { createSocket } = require('node:dgram')
  let left = Number(process.argv[1])
  for (let i = left; i > 0; i--) {
    const socket = createSocket('udp4')
    socket.send('x', ${port}, '198.51.100.2', (error) => {
      if (error) throw error
      if (--left === 0) process.exit(0)
    })
  }`

/** As many as begin, from as many ports. A datagram is never repeated: all of the way is up before the first one. */
async function begin(box: Container, bridge: string, count: number): Promise<void> {
  await linksUp(box, 'eth0')
  await host.sh(
    `while bridge link show | grep 'master ${bridge} ' | grep -qv 'state forwarding'; do sleep 0.02; done`,
  )
  await box.run([process.execPath, '-e', many, String(count)])
}

const tracked = async (address: string): Promise<number> =>
  Number(
    (await host.sh(`conntrack -L -p udp -s ${address} --orig-port-dst ${port} 2>/dev/null | wc -l`)).stdout,
  )

const dropped = async (bridge: string): Promise<number> => {
  const { stdout } = await host.sh(`nft list table inet tsnet-${bridge}`)
  return Number(/flows4.*counter packets (\d+)/.exec(stdout)?.[1])
}

interface Door {
  readonly name: string
  readonly bridge: string
  /** @returns the address */
  readonly join: (box: Container, nth: number) => Promise<string>
  readonly leave: (box: Container, nth: number) => Promise<unknown>
}

const conf = {
  ...{ cniVersion: '1.0.0', name: 'n82', type: 'tsnet', bridge: 'lim82' },
  ...{ protect: 'strict', conntrackLimit: most, ipam: { subnets: ['10.70.82.0/24'] } },
}
const labels = { 'net.tsnet.protect': 'strict', 'net.tsnet.conntrack-limit': String(most) }
const podman = (box: Container, nth: number): Parameters<typeof netavark>[1] => ({
  ...{ box, number: 83, network: { labels } },
  joining: { static_ips: [`10.70.83.${nth + 2}`], static_mac: `02:00:00:70:83:0${nth}` },
})

const doors: readonly Door[] = [
  {
    name: 'tsnet network create -o conntrack-limit',
    bridge: 'lim81',
    join: async ({ netns }, nth) => {
      const words = ['--subnet', '10.70.81.0/24', '-o', 'bridge=lim81', '-o', 'protect=strict']
      if (nth === 0) await host.tsnet('network', 'create', 'n81', ...words, '-o', `conntrack-limit=${most}`)
      await host.tsnet('setup', '--netns', netns, '--id', `lim${nth}`, '--network', 'n81')
      return `10.70.81.${nth + 2}`
    },
    leave: async (_box, nth) => {
      await host.tsnet('teardown', `lim${nth}`)
      if (nth === 1) await host.tsnet('network', 'rm', 'n81')
    },
  },
  {
    name: 'CNI, "conntrackLimit"',
    bridge: 'lim82',
    join: async ({ netns }, nth) => {
      const { json } = await cni(host, 'ADD', conf, { id: `lim${nth}`, netns })
      return json.ips[0]?.address.replace(/\/.*/, '') ?? ''
    },
    leave: ({ netns }, nth) => cni(host, 'DEL', conf, { id: `lim${nth}`, netns }),
  },
  {
    name: 'podman, --label net.tsnet.conntrack-limit',
    bridge: 'podman83',
    join: async (box, nth) => {
      await netavark(host, podman(box, nth), { verb: 'setup' })
      return `10.70.83.${nth + 2}`
    },
    leave: (box, nth) => netavark(host, podman(box, nth), { verb: 'teardown' }),
  },
]

it.each(doors)('$name: holds for each container by itself', async ({ bridge, join, leave }) => {
  const [greedy, modest] = [await host.container(), await host.container()]
  await leavesNothing(host, async () => {
    const [first, second] = [await join(greedy, 0), await join(modest, 1)]
    await begin(greedy, bridge, 3 * most)
    // Each packet has made a flow or was dropped.
    await expect
      .poll(async () => (await tracked(first)) + (await dropped(bridge)), { timeout: 20_000 })
      .toBe(3 * most)
    expect(await tracked(first)).toBe(most)
    await begin(modest, bridge, most / 2)
    await expect.poll(() => tracked(second), { timeout: 20_000 }).toBe(most / 2)
    expect(await dropped(bridge)).toBe(2 * most)
    await leave(greedy, 0)
    await leave(modest, 1)
  })
})

it('without the option a container of a strict network begins as many', async () => {
  const box = await host.container()
  await leavesNothing(host, async () => {
    const words = ['--subnet', '10.70.84.0/24', '-o', 'bridge=lim84', '-o', 'protect=strict']
    await host.tsnet('network', 'create', 'n84', ...words)
    await host.tsnet('setup', '--netns', box.netns, '--id', 'free', '--network', 'n84')
    await begin(box, 'lim84', 3 * most)
    await expect.poll(() => tracked('10.70.84.2'), { timeout: 20_000 }).toBe(3 * most)
    await host.tsnet('teardown', 'free')
    await host.tsnet('network', 'rm', 'n84')
  })
})
