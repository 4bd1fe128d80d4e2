/**
 * The Linux kernel room on a real kernel: each kind of step and its way back,
 * facts, sandboxes, and what is refused.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import type { Surroundings } from '../../lib/plan/facts.ts'
import type { Container, Host } from '../../netns-fixtures/host.ts'
import { createLab, type Lab } from '../../netns-fixtures/lab.ts'
import { repository } from '../../netns-fixtures/place.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'
import { type KernelAgent, startKernelAgent } from './agents/kernel-client.ts'

needs('root', 'ip', 'nft', 'veth', 'ipv6', 'built')

const bridge = {
  kind: 'bridge',
  where: 'host',
  name: 'br0',
  mac: '02:42:0a:59:00:01',
  mtuBytes: 1400,
  alias: 'tsnet:network/demo',
}
const network = [
  bridge,
  { kind: 'address', where: 'host', dev: 'br0', cidr: '10.89.0.1/24' },
  { kind: 'address', where: 'host', dev: 'br0', cidr: 'fd00:1::1/64' },
  { kind: 'linkUp', where: 'host', dev: 'br0' },
]
const veth = {
  kind: 'veth',
  where: 'host',
  name: 'web-1',
  mac: 'fe:42:0a:59:00:02',
  mtuBytes: 1400,
  alias: 'tsnet:web/eth0',
  bridge: 'br0',
  peer: { name: 'eth0', mac: '02:42:0a:59:00:02' },
}
const endpoint = [
  veth,
  { kind: 'bridgePort', where: 'host', name: 'web-1', hairpin: true, isolated: true },
  { kind: 'linkUp', where: 'sandbox', dev: 'lo', before: 'down' },
  {
    kind: 'sysctl',
    where: 'sandbox',
    key: 'net/ipv4/conf/eth0/rp_filter',
    value: '2',
    keep: false,
    optional: false,
  },
  { kind: 'address', where: 'sandbox', dev: 'eth0', cidr: '10.89.0.2/24' },
  { kind: 'address', where: 'sandbox', dev: 'eth0', cidr: 'fd00:1::2/64' },
  { kind: 'linkUp', where: 'sandbox', dev: 'eth0' },
  { kind: 'route', where: 'sandbox', to: '0.0.0.0/0', via: '10.89.0.1', dev: 'eth0' },
  { kind: 'route', where: 'sandbox', to: '::/0', via: 'fd00:1::1', dev: 'eth0', metric: 50 },
]

interface Bench {
  readonly host: Host
  readonly box: Container
  readonly kernel: KernelAgent
}

async function bench(lab: Lab): Promise<Bench> {
  const host = await lab.host('h1')
  return { host, box: await lab.container(host), kernel: startKernelAgent(host) }
}

async function pictures({ host, box }: Bench): Promise<readonly Awaited<ReturnType<typeof snapshot>>[]> {
  return Promise.all([snapshot(host), snapshot(box)])
}

/** What the kernel itself never turns back: an unused lo gets a queue, a bridge the segment size of its first port. */
const except = [/^link: lo qdisc=/, /^link: br0 tso_max_size=/]

/** `- …` and `+ …` lines of host and container. */
async function changesSince(
  before: Awaited<ReturnType<typeof pictures>>,
  bench: Bench,
): Promise<readonly (readonly string[])[]> {
  const after = await pictures(bench)
  return before.map((picture, index) => snapshotDifference(picture, after[index] ?? {}, { except }))
}

/** A bridge gets its link-local address with its first port, and keeps it. */
async function firstPort({ box, kernel }: Bench): Promise<void> {
  await kernel.call('apply', endpoint, box.netns)
  await kernel.call('revert', endpoint, box.netns)
}

const lines = async (host: Host | Container, command: string): Promise<string> =>
  (await host.sh(command)).stdout.replaceAll(/ +$/gm, '')

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
    await box.run(['ping', '-c', '1', '-W', '2', '10.89.0.1'])
    await box.run(['ping', '-6', '-c', '1', '-W', '2', 'fd00:1::1'])
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

describe('a failing step', () => {
  it('says what was being done, and what had been done before', async () => {
    await using lab = await createLab()
    const { box, kernel } = await bench(lab)
    await kernel.call('apply', network, null)
    await box.sh('echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6')
    const failing = [
      [{ ...veth, bridge: 'nowhere' }],
      [{ ...veth, bridge: 'lo' }],
      [{ kind: 'address', where: 'sandbox', dev: 'nowhere', cidr: '10.0.0.1/24' }],
      [{ kind: 'bridgePort', where: 'host', name: 'nowhere', hairpin: true, isolated: false }],
      [{ kind: 'sysctl', where: 'host', key: 'net/ipv4/nothing', value: '1', keep: false, optional: false }],
      [{ kind: 'sysctl', where: 'host', key: 'net/ipv4/nothing', value: '1', keep: false, optional: true }],
      [
        {
          kind: 'sysctl',
          where: 'host',
          key: 'net/ipv4/ip_forward',
          value: 'x',
          keep: false,
          optional: false,
        },
      ],
      [veth, ...endpoint.slice(4)],
    ]
    const outcomes = []
    for (const steps of failing) outcomes.push(await kernel.call('apply', steps, box.netns))
    expect(outcomes).toMatchInlineSnapshot(`
      [
        {
          "created": [
            null,
          ],
          "error": {
            "code": "TSNET_STEP_FAILED",
            "hint": "it is gone, or was never there: see \`ip link\`",
            "kind": "internal",
            "message": "creating veth web-1: there is no link nowhere",
            "retryable": false,
          },
        },
        {
          "created": [
            null,
          ],
          "error": {
            "code": "TSNET_KERNEL_FEATURE_MISSING",
            "hint": "this kernel is built without CONFIG_VETH, or its module cannot be loaded, or lo is no bridge",
            "kind": "unsupported",
            "message": "creating veth web-1: ENOTSUP (operation not supported on socket)",
            "retryable": false,
          },
        },
        {
          "created": [
            null,
          ],
          "error": {
            "code": "TSNET_STEP_FAILED",
            "hint": "it is gone, or was never there: see \`ip link\`",
            "kind": "internal",
            "message": "adding 10.0.0.1/24 to nowhere in the sandbox: there is no link nowhere",
            "retryable": false,
          },
        },
        {
          "created": [
            null,
          ],
          "error": {
            "code": "TSNET_STEP_FAILED",
            "hint": "the interface is gone, or was never there: see \`ip link\`",
            "kind": "internal",
            "message": "setting the bridge port flags of nowhere: ENODEV (no such device)",
            "retryable": false,
          },
        },
        {
          "created": [
            null,
          ],
          "error": {
            "code": "TSNET_KERNEL_FEATURE_MISSING",
            "hint": "there is no such sysctl",
            "kind": "unsupported",
            "message": "setting sysctl net/ipv4/nothing to 1: ENOENT (no such file or directory)",
            "retryable": false,
          },
        },
        {
          "created": [
            false,
          ],
        },
        {
          "created": [
            null,
          ],
          "error": {
            "code": "TSNET_STEP_FAILED",
            "kind": "internal",
            "message": "setting sysctl net/ipv4/ip_forward to x: EINVAL (invalid argument)",
            "retryable": false,
          },
        },
        {
          "created": [
            true,
            true,
            null,
            true,
            true,
            null,
          ],
          "error": {
            "code": "TSNET_KERNEL_FEATURE_MISSING",
            "hint": "IPv6 is switched off on eth0: set sysctl net.ipv6.conf.eth0.disable_ipv6=0, or use IPv4 only",
            "kind": "unsupported",
            "message": "adding fd00:1::2/64 to eth0 in the sandbox: EACCES (permission denied)",
            "retryable": false,
          },
        },
      ]
    `)
  })

  it('may be chosen by the step hook, before or after it is done', async () => {
    await using lab = await createLab()
    const all = await bench(lab)
    const { box, kernel } = all
    await kernel.call('apply', network, null)
    await firstPort(all)
    const before = await pictures(all)
    const outcomes = []
    for (const phase of ['before', 'after']) {
      outcomes.push(await kernel.call('applyBroken', endpoint, box.netns, 2, phase))
      expect(await changesSince(before, all)).not.toEqual([[], []])
      expect(await kernel.call('revert', endpoint.slice(0, 3), box.netns)).toEqual([])
      expect(await changesSince(before, all)).toEqual([[], []])
    }
    expect(outcomes).toMatchInlineSnapshot(`
      [
        {
          "created": [
            true,
            true,
            null,
            null,
            null,
            null,
            null,
            null,
            null,
          ],
          "error": "Error: broken before step 2",
          "hooked": [
            "before veth",
            "after veth",
            "before bridgePort",
            "after bridgePort",
            "before linkUp",
          ],
        },
        {
          "created": [
            true,
            true,
            true,
            null,
            null,
            null,
            null,
            null,
            null,
          ],
          "error": "Error: broken after step 2",
          "hooked": [
            "before veth",
            "after veth",
            "before bridgePort",
            "after bridgePort",
            "before linkUp",
            "after linkUp",
          ],
        },
      ]
    `)
  })

  it('tells a full bridge from other refusals', async () => {
    await using lab = await createLab()
    const { host, box, kernel } = await bench(lab)
    await kernel.call('apply', [bridge], null)
    const commands = Array.from(
      { length: 1023 },
      (_, nth) => `link add p${nth} master br0 type veth peer name q${nth}`,
    )
    await host.run(['ip', '-batch', '-'], { stdin: commands.join('\n'), timeoutMs: 40_000 })
    expect(await kernel.call('apply', [veth], box.netns)).toMatchInlineSnapshot(`
      {
        "created": [
          null,
        ],
        "error": {
          "code": "TSNET_BRIDGE_FULL",
          "hint": "a Linux bridge has at most 1023 ports: use a second network",
          "kind": "conflict",
          "message": "creating veth web-1: EXFULL (no free port)",
          "retryable": false,
          "value": "br0",
        },
      }
    `)
  })
})

describe('a sandbox', () => {
  it('is known by its cookie and its links', async () => {
    await using lab = await createLab()
    const { host, box, kernel } = await bench(lab)
    const facts = await kernel.call<{ identity: { cookie: string; bootId: string } }>('facts', box.netns)
    const { identity } = facts
    expect(facts).toEqual({
      identity: { cookie: expect.stringMatching(/^\d+$/), bootId: expect.stringMatching(/^[0-9a-f-]{36}$/) },
      own: false,
      links: [{ name: 'lo', kind: '', mac: '00:00:00:00:00:00', mtuBytes: 65536, up: false }],
    })
    expect(await kernel.call('facts', host.netns)).toMatchObject({ own: true })
    const other = await lab.container(host)
    expect([
      await kernel.call('isAlive', box.netns, identity),
      await kernel.call('isAlive', other.netns, identity),
      await kernel.call('isAlive', box.netns, { ...identity, bootId: 'another' }),
      await kernel.call('isAlive', '/nowhere', identity),
    ]).toEqual([true, false, false, false])
    await box.kill()
    expect(await kernel.call('isAlive', box.netns, identity)).toBe(false)
  })

  it('is not taken for dead by whoever has no descriptor left to look', async () => {
    await using lab = await createLab()
    const { host, box, kernel } = await bench(lab)
    const { identity } = await kernel.call<{ identity: object }>('facts', box.netns)
    const script = `
      import { openSync } from 'node:fs'
      import { isAlive } from '${repository}dist/lib/kernel/netns.js'
      const ask = () => isAlive('${box.netns}', ${JSON.stringify(identity)})
      const before = ask()
      try { for (;;) openSync('/dev/null') } catch {}
      console.log(before, ask())`
    const argv = ['prlimit', '--nofile=64', process.execPath, '--input-type=module', '-e', script]
    expect((await host.run(argv)).stdout).toBe('true true\n')
  })

  it('shows its own sysctls and not the host’s', async () => {
    await using lab = await createLab()
    const { host, box, kernel } = await bench(lab)
    await host.sh('echo 1 > /proc/sys/net/ipv4/ip_forward')
    expect(await kernel.call('sandboxSysctls', box.netns, ['net/ipv4/ip_forward', 'net/nothing'])).toEqual({
      'net/ipv4/ip_forward': '0',
    })
  })

  it('is nothing but a network namespace', async () => {
    await using lab = await createLab()
    const { host, kernel } = await bench(lab)
    await host.sh('touch /run/plain; mkfifo /run/fifo')
    const errors = []
    for (const path of [
      '/proc/self/ns/mnt',
      '/run/plain',
      '/run/fifo',
      '/run',
      '/proc/4194304/ns/net',
      '/run/plain/x',
    ]) {
      errors.push(await kernel.call('facts', path))
    }
    expect(errors).toMatchInlineSnapshot(`
      [
        {
          "error": {
            "code": "TSNET_NOT_A_NETNS",
            "field": "sandbox.path",
            "hint": "the network namespace of a process is /proc/PID/ns/net",
            "kind": "invalid",
            "message": "opening network namespace /proc/self/ns/mnt: it is a namespace of another kind",
            "retryable": false,
            "value": "/proc/self/ns/mnt",
          },
        },
        {
          "error": {
            "code": "TSNET_NOT_A_NETNS",
            "field": "sandbox.path",
            "hint": "a name below /run/netns is only a namespace while \`ip netns\` has it mounted; or use /proc/PID/ns/net",
            "kind": "invalid",
            "message": "opening network namespace /run/plain: it is no namespace",
            "retryable": false,
            "value": "/run/plain",
          },
        },
        {
          "error": {
            "code": "TSNET_NOT_A_NETNS",
            "field": "sandbox.path",
            "hint": "a name below /run/netns is only a namespace while \`ip netns\` has it mounted; or use /proc/PID/ns/net",
            "kind": "invalid",
            "message": "opening network namespace /run/fifo: it is no namespace",
            "retryable": false,
            "value": "/run/fifo",
          },
        },
        {
          "error": {
            "code": "TSNET_NOT_A_NETNS",
            "field": "sandbox.path",
            "hint": "a name below /run/netns is only a namespace while \`ip netns\` has it mounted; or use /proc/PID/ns/net",
            "kind": "invalid",
            "message": "opening network namespace /run: it is no namespace",
            "retryable": false,
            "value": "/run",
          },
        },
        {
          "error": {
            "code": "TSNET_NOT_A_NETNS",
            "field": "sandbox.path",
            "hint": "is the process still running? see \`ip netns list\`, \`lsns -t net\`",
            "kind": "invalid",
            "message": "opening network namespace /proc/4194304/ns/net: no such process or namespace",
            "retryable": false,
            "value": "/proc/4194304/ns/net",
          },
        },
        {
          "error": {
            "code": "TSNET_NOT_A_NETNS",
            "field": "sandbox.path",
            "hint": "is the process still running? see \`ip netns list\`, \`lsns -t net\`",
            "kind": "invalid",
            "message": "opening network namespace /run/plain/x: no such process or namespace",
            "retryable": false,
            "value": "/run/plain/x",
          },
        },
      ]
    `)
  })

  it('is left at once, whatever happens inside', async () => {
    await using lab = await createLab()
    const { host, box, kernel } = await bench(lab)
    const outcomes = []
    for (const what of ['promise', 'nested', 'throw'])
      outcomes.push(await kernel.call('visit', box.netns, what))
    expect(outcomes).toMatchInlineSnapshot(`
      [
        {
          "error": {
            "code": "TSNET_INTERNAL",
            "kind": "internal",
            "message": "a visit to a network namespace returned a promise: it must be synchronous",
            "retryable": false,
          },
        },
        {
          "error": {
            "code": "TSNET_INTERNAL",
            "kind": "internal",
            "message": "entering a network namespace from inside another",
            "retryable": false,
          },
        },
        {
          "error": {
            "message": "Error: thrown inside",
          },
        },
      ]
    `)
    expect(await kernel.call('facts', host.netns)).toMatchObject({ own: true })
  })
})

describe('facts of the host', () => {
  it('are its links, addresses and routes', async () => {
    await using lab = await createLab()
    const { host, kernel } = await bench(lab)
    const far = await lab.host('far')
    await lab.wire(host, far, '198.51.100.0/24', { v6: '2001:db8:1::/64', mtu: 1380, defaultRoute: 'first' })
    await kernel.call('apply', network, null)
    await host.sh(
      'ip route add blackhole 203.0.113.0/24; ip route add 203.0.113.0/25 dev eth0 metric 7 table 99',
    )
    const facts = JSON.stringify(await kernel.call('hostFacts'), undefined, 1)
      .replaceAll(/"mac": "\S*/g, '"mac": …')
      .replaceAll(/fe80::[0-9a-f:]+/g, 'fe80::…')
    expect(facts).toMatchInlineSnapshot(`
      "{
       "links": [
        {
         "name": "lo",
         "kind": "",
         "mac": …
         "mtuBytes": 65536,
         "up": true
        },
        {
         "name": "eth0",
         "kind": "veth",
         "mac": …
         "mtuBytes": 1380,
         "up": true
        },
        {
         "name": "br0",
         "kind": "bridge",
         "mac": …
         "mtuBytes": 1400,
         "up": true,
         "alias": "tsnet:network/demo"
        }
       ],
       "addresses": [
        {
         "dev": "lo",
         "cidr": "127.0.0.1/8"
        },
        {
         "dev": "eth0",
         "cidr": "198.51.100.1/24"
        },
        {
         "dev": "br0",
         "cidr": "10.89.0.1/24"
        },
        {
         "dev": "lo",
         "cidr": "::1/128"
        },
        {
         "dev": "eth0",
         "cidr": "2001:db8:1::1/64"
        },
        {
         "dev": "eth0",
         "cidr": "fe80::…/64"
        },
        {
         "dev": "br0",
         "cidr": "fd00:1::1/64"
        }
       ],
       "routes": [
        {
         "to": "203.0.113.0/25",
         "dev": "eth0",
         "metric": 7
        },
        {
         "to": "0.0.0.0/0",
         "via": "198.51.100.2",
         "dev": "eth0",
         "metric": 0
        },
        {
         "to": "10.89.0.0/24",
         "dev": "br0",
         "metric": 0
        },
        {
         "to": "198.51.100.0/24",
         "dev": "eth0",
         "metric": 0
        },
        {
         "to": "2001:db8:1::/64",
         "dev": "eth0",
         "metric": 256
        },
        {
         "to": "fd00:1::/64",
         "dev": "br0",
         "metric": 256
        },
        {
         "to": "fe80::/64",
         "dev": "eth0",
         "metric": 256
        },
        {
         "to": "::/0",
         "via": "2001:db8:1::2",
         "dev": "eth0",
         "metric": 1024
        }
       ]
      }"
    `)
    expect(await kernel.call('hostAddresses')).toEqual([
      '198.51.100.1/24',
      '10.89.0.1/24',
      '2001:db8:1::1/64',
      'fd00:1::1/64',
    ])
    expect(await kernel.call('hostLink', 'br0')).toMatchObject({
      name: 'br0',
      kind: 'bridge',
      alias: bridge.alias,
      up: true,
    })
    await host.sh('ip link set eth0 master br0')
    expect(await kernel.call('hostLink', 'eth0')).toMatchObject({
      name: 'eth0',
      kind: 'veth',
      master: 'br0',
      mtuBytes: 1380,
    })
    expect(await kernel.call('hostLink', 'nothing')).toEqual({})
  })

  it('tell the way out, whatever more specific routes there are', async () => {
    await using lab = await createLab()
    const { host, kernel } = await bench(lab)
    const [far, near] = [await lab.host('far'), await lab.host('near')]
    await lab.wire(host, near, '192.0.2.0/24', { v6: '2001:db8:2::/64' })
    expect([await kernel.call('wayOut', 4), await kernel.call('wayOut', 6)]).toEqual([{}, {}])
    await lab.wire(host, far, '198.51.100.0/24', { v6: '2001:db8:1::/64', mtu: 1380, defaultRoute: 'first' })
    expect([await kernel.call('wayOut', 4), await kernel.call('wayOut', 6)]).toEqual([
      { family: 4, dev: 'eth1', mtuBytes: 1380, source: '198.51.100.1' },
      { family: 6, dev: 'eth1', mtuBytes: 1380, source: '2001:db8:1::1' },
    ])
    // A full-tunnel VPN: two halves, with a smaller MTU of their own.
    await host.sh('ip route add 0.0.0.0/1 dev eth0 mtu 1300; ip route add 128.0.0.0/1 dev eth0 mtu 1300')
    expect(await kernel.call('wayOut', 4)).toEqual({
      family: 4,
      dev: 'eth0',
      mtuBytes: 1300,
      source: '192.0.2.1',
    })
  })
})

describe('surroundings', () => {
  it('are links, routes and policy rules in full, in the words of ip', async () => {
    await using lab = await createLab()
    const { box, kernel } = await bench(lab)
    await box.sh(`set -e
      ip link add br7 type bridge
      ip link add p0 address 02:00:00:00:00:01 mtu 1400 txqueuelen 77 type veth peer name p1
      ip link set p0 promisc on allmulticast on alias "to the world"
      ip link set p0 addrgenmode none up
      ip link set p1 master br7 up
      ip address add 10.9.0.2/24 dev p0
      ip address add 2001:db8::2/64 dev p0 nodad
      ip route add default via 10.9.0.1 dev p0 proto dhcp metric 5
      ip route add 10.50.0.0/16 via 10.9.0.1 table 100 proto static
      ip route add 10.51.0.0/16 dev p0 src 10.9.0.2 table 5000
      ip route add blackhole 10.66.0.0/16
      ip route add 10.77.0.0/16 nexthop via 10.9.0.1 nexthop via 10.9.0.4
      ip rule add from 10.9.0.2 lookup 100 priority 32000
      ip rule add from 10.9.0.0/24 lookup 5000 priority 32001`)
    const { devices, routes, rules } = await kernel.call<Surroundings>('surroundings', box.netns)
    const { index, addresses, ...p0 } = devices.find(({ name }) => name === 'p0') ?? devices[0] ?? {}
    expect(p0).toEqual({
      name: 'p0',
      kind: 'veth',
      mac: '02:00:00:00:00:01',
      mtuBytes: 1400,
      up: true,
      promisc: true,
      allmulti: true,
      queueLength: 77,
      alias: 'to the world',
    })
    expect(addresses).toEqual(['10.9.0.2/24', '2001:db8::2/64'])
    expect(devices.find(({ name }) => name === 'p1')?.master).toBe('br7')
    expect(index).toBeGreaterThan(1)
    // Several ways, and none at all, are no routes by a link.
    expect(routes.filter(({ to }) => !to.includes(':'))).toEqual([
      { to: '10.50.0.0/16', via: '10.9.0.1', dev: 'p0', table: '100', protocol: 'static' },
      { to: '10.51.0.0/16', dev: 'p0', source: '10.9.0.2', table: '5000', scope: 'link' },
      { to: '0.0.0.0/0', via: '10.9.0.1', dev: 'p0', metric: 5, protocol: 'dhcp' },
      { to: '10.9.0.0/24', dev: 'p0', source: '10.9.0.2', scope: 'link', protocol: 'kernel' },
    ])
    expect(routes).toContainEqual({ to: '2001:db8::/64', dev: 'p0', metric: 256, protocol: 'kernel' })
    expect(rules).toEqual([
      { family: 4, priority: 0, from: 'all', table: 'local' },
      { family: 4, priority: 32_000, from: '10.9.0.2', table: '100' },
      { family: 4, priority: 32_001, from: '10.9.0.0', table: '5000' },
      { family: 4, priority: 32_766, from: 'all', table: 'main' },
      { family: 4, priority: 32_767, from: 'all', table: 'default' },
      { family: 6, priority: 0, from: 'all', table: 'local' },
      { family: 6, priority: 32_766, from: 'all', table: 'main' },
    ])
  })
})
