/**
 * Steps the kernel refuses: what is said, and what had been done before.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { createLab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { bench, bridge, changesSince, endpoint, firstPort, network, pictures, veth } from './kernelbench.ts'

needs('root', 'ip', 'nft', 'veth', 'ipv6', 'built')

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

  it('tells a full bridge from other refusals', { timeout: 300_000 }, async () => {
    await using lab = await createLab()
    const { host, box, kernel } = await bench(lab)
    await kernel.call('apply', [bridge], null)
    const commands = Array.from(
      { length: 1023 },
      (_, nth) => `link add p${nth} group ${100 + (nth % 20)} master br0 type veth peer name q${nth}`,
    )
    await host.run(['ip', '-batch', '-'], { stdin: commands.join('\n'), timeoutMs: 200_000 })
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
    // In portions: all at once the kernel would let no other test change a link for seconds.
    const groups = Array.from({ length: 20 }, (_, nth) => `link del group ${100 + nth}`)
    await host.run(['ip', '-batch', '-'], { stdin: groups.join('\n'), timeoutMs: 100_000 })
  })
})
