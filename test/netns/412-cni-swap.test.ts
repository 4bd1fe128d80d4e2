/**
 * Swapping plugin sets on a live host: what the reference plugins have made is
 * checked and taken down by ours, each by itself (400 has the usual chain).
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { createLab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'
import { addChain, box, type Conf, checkChain, delChain, ours, reference } from './cni.ts'
import { bridge, common, ipam } from './cnishown.ts'

needs('root', 'ip', 'iptables', 'veth', 'bridge', 'macvlan', 'ipv6', 'cni-plugins')

const routed = { ...ipam, routes: [{ dst: '0.0.0.0/0' }] }
const ports = { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }] }
const limits = { ingressRate: 8e6, ingressBurst: 8e5, egressRate: 4e6, egressBurst: 8e5 }

const lists: Readonly<Record<string, readonly Conf[]>> = {
  'bridge on layer 2': [{ ...common, type: 'bridge' }],
  'bridge with a gateway, IPv6 and masquerading': [
    {
      ...common,
      type: 'bridge',
      isDefaultGateway: true,
      ipMasq: true,
      ipam: { type: 'host-local', ranges: [[{ subnet: '10.22.0.0/24' }], [{ subnet: 'fd00:22::/64' }]] },
    },
  ],
  ptp: [{ ...common, type: 'ptp', ipMasq: true, ipam: routed }],
  macvlan: [{ ...common, type: 'macvlan', master: 'nic0', ipam: routed }],
  'host-device': [{ ...common, type: 'host-device', device: 'dev7', ipam: routed }],
  loopback: [{ ...common, type: 'loopback' }],
  tuning: [bridge, { ...common, type: 'tuning', mac: '02:00:00:00:00:09', mtu: 1300, promisc: true }],
  bandwidth: [bridge, { ...common, type: 'bandwidth', ...limits }],
  sbr: [bridge, { ...common, type: 'sbr' }],
  firewall: [bridge, { ...common, type: 'firewall', ingressPolicy: 'same-bridge' }],
  portmap: [
    { ...bridge, ipam: routed },
    { ...common, type: 'portmap', runtimeConfig: ports },
  ],
}

describe('what the reference set has made', () => {
  it.each(Object.keys(lists))('%s: CHECK finds it whole, DEL takes it down', async (name) => {
    await using lab = await createLab()
    const host = await lab.host('host')
    await host.sh(
      'ip link add nic0 type veth peer name nic1; ip link set nic0 up; ip link set nic1 up; ip link add dev7 type veth peer name other7',
    )
    const list = lists[name] as readonly Conf[]
    // What stays for the host's sake is there already: bridges, chains, folders.
    const first = await box(host)
    const warmup = { id: 'warmup', netns: first.netns, from: reference }
    await delChain(host, list, { ...warmup, prevResult: await addChain(host, list, warmup) })
    const container = await box(host)
    const [before, inside] = [await snapshot(host), await container.sh('ip -br link; ip rule')]

    const call = { netns: container.netns }
    const prevResult = await addChain(host, list, { ...call, from: reference })
    expect(await checkChain(host, list, { ...call, from: ours, prevResult })).toEqual([])
    expect(await delChain(host, list, { ...call, from: ours, prevResult })).toEqual([])
    const moving = {
      except: [
        /last_reserved_ip/,
        /\.tsnet_boot_id/,
        /fe80::/,
        /files: \/run\/(tsnet|cni)/,
        /route6: .*"dev":"cni0","table":"local"/,
      ],
    }
    expect(snapshotDifference(before, await snapshot(host), moving)).toEqual([])
    if (name !== 'loopback') expect((await container.sh('ip -br link; ip rule')).stdout).toBe(inside.stdout)
  })
})
