/**
 * `protect=strict` asked for by other doors than `tsnet network create`: a CNI
 * configuration, a network of podman's, one of dockerd's. The same attempts are
 * stopped there, and who is honest is served; without it they come through.
 *
 * @module
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Container, Host } from '../../netns-fixtures/host.ts'
import { createLab, type Lab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { cni } from './cni.ts'
import { callDriver } from './dockerdriver.ts'
import { attempts, type Box, gatewayOf, type HostileYard, linkLocalOf } from './hostileyard.ts'
import { netavark } from './netavarkcalls.ts'
import { layStreet } from './traceless.ts'

let lab: Lab
let street: Pick<HostileYard, 'host' | 'outside'>

beforeAll(async () => {
  needs('root', 'ip', 'nft', 'conntrack', 'gcc', 'curl', 'veth', 'bridge', 'built')
  lab = await createLab()
  street = await layStreet(lab)
}, 150_000)

afterAll(() => lab?.dispose())

/** What needs neither IPv6 nor names, which not every door gives a network. */
const here = [
  'frames with a neighbour’s MAC: the bridge sends its traffic to the thief',
  'ARP: a neighbour’s address, told to the host',
  'ARP: the gateway’s address, told to a neighbour',
  'packets under a stranger’s address, sent out into the world',
  'answers of a DHCP server to a neighbour',
  'the host’s table of connections filled (20,000 flows of one container)',
]

interface Door {
  readonly name: string
  /** Two containers on a network of that name and subnet. @returns its bridge */
  readonly join: (host: Host, boxes: readonly Container[], wish: Wish) => Promise<string>
}

interface Wish {
  /** Of the subnet, 10.70.NUMBER.0/24. */
  readonly number: number
  readonly strict: boolean
}

const doors: readonly Door[] = [
  {
    name: 'CNI, "protect": "strict"',
    join: async (host, boxes, { number, strict }) => {
      const bridge = `cni${number}`
      const ipam = { subnets: [`10.70.${number}.0/24`] }
      const conf = { cniVersion: '1.0.0', name: `n${number}`, type: 'tsnet', bridge, ipam }
      for (const [i, box] of boxes.entries()) {
        const call = { id: `cni-${number}-${i}`, netns: box.netns }
        const answer = await cni(host, 'ADD', { ...conf, ...(strict ? { protect: 'strict' } : {}) }, call)
        expect(answer.stdout).toContain(`"10.70.${number}.`)
      }
      return bridge
    },
  },
  {
    name: 'podman, --label net.tsnet.protect=strict',
    join: async (host, boxes, { number, strict }) => {
      const network = strict ? { labels: { 'net.tsnet.protect': 'strict' } } : {}
      for (const [i, box] of boxes.entries()) {
        const joining = {
          static_ips: [`10.70.${number}.${i + 2}`],
          static_mac: `02:00:00:70:0${number % 10}:0${i}`,
        }
        await netavark(host, { box, number, network, joining }, { verb: 'setup' })
      }
      return `podman${number}`
    },
  },
  {
    name: 'Docker, -o protect=strict',
    join: async (host, boxes, { number, strict }) => {
      const call = (method: string, body: object) => callDriver(host, `NetworkDriver.${method}`, body)
      const bridge = `dock${number}`
      const NetworkID = `${number}`.padStart(4, 'a').repeat(16)
      const options = { bridge, ...(strict ? { protect: 'strict' } : {}) }
      await call('CreateNetwork', {
        NetworkID,
        Options: { 'com.docker.network.generic': options },
        IPv4Data: [{ AddressSpace: '', Pool: `10.70.${number}.0/24`, Gateway: `10.70.${number}.1/24` }],
        IPv6Data: [],
      })
      for (const [i, box] of boxes.entries()) {
        const EndpointID = `${number}${i}`.padStart(4, 'b').repeat(16)
        const Interface = { Address: `10.70.${number}.${i + 2}/24`, MacAddress: '' }
        await call('CreateEndpoint', { NetworkID, EndpointID, Interface, Options: {} })
        const joined = await call('Join', {
          ...{ NetworkID, EndpointID, SandboxKey: box.netns, Options: {} },
        })
        const { SrcName } = joined['InterfaceName'] as { readonly SrcName: string }
        // As dockerd does it.
        await host.run(['ip', 'link', 'set', SrcName, 'netns', String(box.pid), 'name', 'eth0'])
        await box.sh(
          `ip addr add ${Interface.Address} dev eth0; ip link set eth0 up; ip route add default via 10.70.${number}.1
          until ip -br link show eth0 | grep -q ' UP '; do sleep 0.02; done`,
        )
      }
      return bridge
    },
  },
]

/** As the containers and the host see it. */
async function boxed(host: Host, place: Container): Promise<Box> {
  const [link, address] = await Promise.all([
    place.run(['ip', '-o', 'link', 'show', 'eth0']),
    place.run(['ip', '-o', '-4', 'addr', 'show', 'eth0']),
  ])
  const index = /eth0@if(\d+)/.exec(link.stdout)?.[1]
  const { stdout } = await host.sh(`ip -o link | sed -n 's/^${index}: \\([^@:]*\\).*/\\1/p'`)
  return {
    ...{ place, port: stdout.trim(), v6: '' },
    mac: /link\/ether (\S+)/.exec(link.stdout)?.[1] ?? '',
    v4: /inet (\S+)\//.exec(address.stdout)?.[1] ?? '',
    linkLocal: await linkLocalOf(place, 'eth0'),
  }
}

describe.each(doors.map((door, i) => ({ ...door, numbers: [31 + 2 * i, 32 + 2 * i] as const })))(
  'a network of $name',
  ({ name, join, numbers }) => {
    it('stops what comes through on one without it', { timeout: 240_000 }, async () => {
      const { host } = street
      if (name.startsWith('Docker')) await host.tsnet('docker', 'install')
      const found: Record<string, readonly string[]> = {}
      for (const strict of [false, true]) {
        const places = [await lab.container(host), await lab.container(host)]
        for (const place of places) await place.run(['ip', 'link', 'set', 'lo', 'up'])
        const bridge = await join(host, places, { number: numbers[strict ? 1 : 0], strict })
        const [alice, mallory] = await Promise.all(places.map((place) => boxed(host, place)))
        if (alice === undefined || mallory === undefined) throw new Error('nobody is there')
        const neighbourhood = { bridge, gateway: await gatewayOf(host, bridge), alice, mallory }
        const yard = { ...street, plain: neighbourhood, strict: neighbourhood, bob: alice }
        const through: string[] = []
        for (const { row, tryIt } of attempts.filter((one) => here.includes(one.row)))
          if (await tryIt(yard, neighbourhood)) through.push(row)
        found[strict ? 'strict' : 'plain'] = through
        // Whoever is honest is served, also beside her.
        await mallory.place.serve.tcp(80)
        expect(await alice.place.probe.tcp(mallory.v4, 80)).toBe('reached')
        await street.outside.serve.tcp(8000 + numbers[strict ? 1 : 0])
        expect(await alice.place.probe.tcp('198.51.100.2', 8000 + numbers[strict ? 1 : 0])).toBe('reached')
      }
      expect(found).toEqual({ plain: here, strict: [] })
    })
  },
)
