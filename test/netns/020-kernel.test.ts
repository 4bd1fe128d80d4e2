/**
 * The Linux kernel room on a real kernel: each kind of step and its way back.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { createLab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'
import {
  bench,
  bridge,
  changesSince,
  endpoint,
  firstPort,
  lines,
  network,
  pictures,
  veth,
} from './kernelbench.ts'

needs('root', 'ip', 'nft', 'veth', 'ipv6', 'built')

describe('a network and an endpoint', () => {
  it('are there after apply, hold, and leave nothing behind when taken back', async () => {
    await using lab = await createLab()
    const all = await bench(lab)
    const { host, box, kernel } = all
    const before = await pictures(all)

    expect(await kernel.call('apply', network, null)).toEqual({ created: network.map(() => true) })
    await firstPort(all)
    const withNetwork = await pictures(all)
    expect(await kernel.call('apply', endpoint, box.netns)).toEqual({ created: endpoint.map(() => true) })

    // The kernel tells the state of a link a little after its carrier.
    await host.sh(
      'until [ "$(cat /sys/class/net/br0/operstate /sys/class/net/web-1/operstate | sort -u)" = up ]; do :; done',
    )
    await box.sh(`until ip -br link show eth0 | grep -q ' UP '; do :; done`)
    expect(
      await lines(host, 'ls -1 /sys/class/net; cat /sys/class/net/*/ifalias; ip -br -4 addr'),
    ).toMatchInlineSnapshot(`
      "br0
      lo
      web-1
      tsnet:network/demo
      tsnet:web/eth0
      lo               UNKNOWN        127.0.0.1/8
      br0              UP             10.89.0.1/24
      "
    `)
    expect(
      await lines(
        host,
        'ip -d link show web-1 | grep -o "mtu 1400\\|master br0\\|fe:42:[0-9a-f:]*\\|hairpin on\\|isolated on\\|state UP"',
      ),
    ).toMatchInlineSnapshot(`
      "mtu 1400
      master br0
      state UP
      fe:42:0a:59:00:02
      hairpin on
      isolated on
      "
    `)
    expect(
      await lines(
        box,
        'ip -br link | sed "s/@[a-z0-9]*/    /"; ip -4 addr show eth0 | grep inet; ip -6 addr show dev eth0 scope global | grep inet6; ip route; ip -6 route show default; cat /proc/sys/net/ipv4/conf/eth0/rp_filter',
      ),
    ).toMatchInlineSnapshot(`
      "lo               UNKNOWN        00:00:00:00:00:00 <LOOPBACK,UP,LOWER_UP>
      eth0             UP             02:42:0a:59:00:02 <BROADCAST,MULTICAST,UP,LOWER_UP>
          inet 10.89.0.2/24 brd 10.89.0.255 scope global eth0
          inet6 fd00:1::2/64 scope global nodad
      default via 10.89.0.1 dev eth0
      10.89.0.0/24 dev eth0 proto kernel scope link src 10.89.0.2
      default via fd00:1::1 dev eth0 metric 50 pref medium
      2
      "
    `)
    await box.run(['ping', '-c', '3', '-i', '0.2', '-W', '5', '10.89.0.1'])
    await box.run(['ping', '-6', '-c', '3', '-i', '0.2', '-W', '5', 'fd00:1::1'])
    expect(await kernel.call('missing', [...network, ...endpoint], box.netns)).toEqual([])

    expect(await kernel.call('revert', endpoint, box.netns)).toEqual([])
    expect(await changesSince(withNetwork, all)).toEqual([[], []])
    expect(await kernel.call('missing', endpoint, box.netns)).toEqual(endpoint.map((_, index) => index))
    expect(await kernel.call('revert', network, null)).toEqual([])
    expect(await changesSince(before, all)).toEqual([[], []])
    // Again: everything is gone already, which is no error.
    expect(await kernel.call('revert', [...network, ...endpoint], box.netns)).toEqual([])
  })

  it('take five messages of the netlink socket to attach, and no process', async () => {
    await using lab = await createLab()
    const { box, kernel } = await bench(lab)
    await kernel.call('apply', network, null)
    await kernel.call(
      'apply',
      [{ kind: 'rules', where: 'host', tool: 'nft', add: 'add table inet t', remove: '' }],
      null,
    )
    // Made; named and flagged; lo up; asked for the index of eth0; the rest. Warmed up first: the bridge is known.
    expect(await kernel.call('countedApply', endpoint, box.netns, 'br0')).toEqual({ sends: 5, spawns: 0 })
  })

  it('go together in one revert, also after the container has died', async () => {
    await using lab = await createLab()
    const all = await bench(lab)
    const { host, box, kernel } = all
    const before = await snapshot(host)
    await kernel.call('apply', network, null)
    await kernel.call('apply', endpoint, box.netns)
    await box.kill()
    expect(await kernel.call('revert', [...network, ...endpoint], null)).toEqual([])
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
  })

  it('go by the hundred at the same time, and a stranger in no group stays', async () => {
    await using lab = await createLab()
    const all = await bench(lab)
    const { host, box, kernel } = all
    await host.sh('ip link add name stranger type veth peer name stranger2')
    await kernel.call('apply', network, null)
    await firstPort(all)
    const before = await snapshot(host)
    const veths = Array.from({ length: 120 }, (_, nth) => ({
      ...veth,
      name: `many-${nth}`,
      alias: `tsnet:many/${nth}`,
      peer: { ...veth.peer, name: `eth${nth}` },
    }))
    expect(await kernel.call('apply', veths, box.netns)).toEqual({ created: veths.map(() => true) })
    expect(
      await kernel.call('revertEach', [veths.slice(0, 60), ...veths.slice(60).map((one) => [one])]),
    ).toEqual([])
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
  })
})

describe('a step whose effect is there already', () => {
  it('is told apart from one that made it', async () => {
    await using lab = await createLab()
    const { box, kernel } = await bench(lab)
    await kernel.call('apply', network, null)
    expect(
      await kernel.call('apply', [...network.slice(0, 3), { ...network[3], before: 'up' }], null),
    ).toEqual({
      created: [false, false, false, false],
    })
    await kernel.call('apply', endpoint, box.netns)
    const again = endpoint.filter(({ kind }) => ['sysctl', 'address', 'route'].includes(kind))
    expect(await kernel.call('apply', again, box.netns)).toEqual({ created: again.map(() => false) })
  })

  it('is a conflict where it is another one of the same name', async () => {
    await using lab = await createLab()
    const { host, box, kernel } = await bench(lab)
    await kernel.call('apply', network, null)
    await kernel.call('apply', endpoint, box.netns)
    await host.sh('ip link add name foreign type veth peer name foreign2')
    const before = await snapshot(host)
    const failing = [
      [{ ...bridge, name: 'foreign' }],
      [{ ...veth, name: 'foreign' }],
      [{ ...veth, name: 'other' }],
      [{ kind: 'route', where: 'sandbox', to: '0.0.0.0/0', dev: 'eth0' }],
    ]
    const errors = []
    for (const steps of failing) errors.push(await kernel.call('apply', steps, box.netns))
    expect(errors).toMatchInlineSnapshot(`
      [
        {
          "created": [
            null,
          ],
          "error": {
            "code": "TSNET_IFNAME_IN_USE",
            "hint": "see \`ip -d link show foreign\`",
            "kind": "conflict",
            "message": "creating bridge foreign: a veth link named foreign is there already",
            "retryable": false,
            "value": "foreign",
          },
        },
        {
          "created": [
            null,
          ],
          "error": {
            "code": "TSNET_IFNAME_IN_USE",
            "hint": "see \`ip -d link show foreign\`",
            "kind": "conflict",
            "message": "creating veth foreign: a veth link named foreign is there already",
            "retryable": false,
            "value": "foreign",
          },
        },
        {
          "created": [
            null,
          ],
          "error": {
            "code": "TSNET_IFNAME_IN_USE",
            "hint": "see \`ip -d link show eth0\`",
            "kind": "conflict",
            "message": "creating veth other: a veth link named eth0 is there already in the sandbox",
            "retryable": false,
            "value": "eth0",
          },
        },
        {
          "created": [
            null,
          ],
          "error": {
            "code": "TSNET_STEP_FAILED",
            "hint": "see \`ip route\` in the sandbox; remove it, or give one of them another metric",
            "kind": "internal",
            "message": "adding route default dev eth0 in the sandbox: default via 10.89.0.1 dev eth0 is there already",
            "retryable": false,
          },
        },
      ]
    `)
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
  })
})

describe('taking back', () => {
  it('spares links that are no longer ours', async () => {
    await using lab = await createLab()
    const { host, box, kernel } = await bench(lab)
    await host.sh(`ip link add br0 address ${bridge.mac} type bridge; ip link set br0 alias theirs
      ip link add web-1 type veth peer name x`)
    const before = await snapshot(host)
    expect(await kernel.call('revert', [bridge, veth], box.netns)).toEqual([])
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
  })

  it('finds links that a crash left without their alias', async () => {
    await using lab = await createLab()
    const { host, kernel } = await bench(lab)
    const before = await snapshot(host)
    await host.sh(`ip link add br0 address ${bridge.mac} type bridge`)
    expect(await kernel.call('revert', [bridge], null)).toEqual([])
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
  })

  it('puts sysctls back unless they are kept or were changed by somebody else', async () => {
    await using lab = await createLab()
    const { host, box, kernel } = await bench(lab)
    const sysctl = (key: string, where: string, keep: boolean): unknown => {
      return { kind: 'sysctl', where, key, value: '1', before: '0', keep, optional: false }
    }
    const steps = [
      sysctl('net/ipv4/ip_forward', 'host', true),
      sysctl('net/ipv4/conf/lo/route_localnet', 'host', false),
      sysctl('net/ipv4/conf/all/route_localnet', 'host', false),
      sysctl('net/ipv4/conf/lo/forwarding', 'sandbox', false),
    ]
    expect(await kernel.call('apply', steps, box.netns)).toEqual({ created: [true, true, true, true] })
    expect(await lines(box, 'cat /proc/sys/net/ipv4/conf/lo/forwarding')).toBe('1\n')
    await host.sh('echo 2 > /proc/sys/net/ipv4/conf/all/route_localnet')
    expect(await kernel.call('revert', steps, box.netns)).toEqual([])
    const keys = 'ip_forward conf/lo/route_localnet conf/all/route_localnet conf/lo/forwarding'
    const shown = `cd /proc/sys/net/ipv4; cat ${keys}`
    expect(await lines(host, shown)).toMatchInlineSnapshot(`
      "1
      0
      2
      1
      "
    `)
    expect(await lines(box, shown)).toBe('0\n0\n0\n0\n')
  })

  it('leaves a loopback up that was up before', async () => {
    await using lab = await createLab()
    const { box, kernel } = await bench(lab)
    const up = { kind: 'linkUp', where: 'sandbox', dev: 'lo', before: 'up' }
    await box.sh('ip link set lo up')
    expect(await kernel.call('apply', [up], box.netns)).toEqual({ created: [false] })
    await kernel.call('revert', [up], box.netns)
    expect(await lines(box, 'ip -br link')).toContain('UP')
  })
})
