/**
 * Steps as shell lines: what strange names and texts turn into.
 *
 * @module
 */
import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import type { Address, Cidr, Mac, Subnet } from '../../../lib/model/address.ts'
import { describe as describeStep, script } from '../../../lib/plan/describe.ts'
import type { RulesStep, Step } from '../../../lib/plan/step.ts'

const bridge: Step = {
  kind: 'bridge',
  where: 'host',
  name: 'br0',
  mac: '02:00:00:00:00:01' as Mac,
  mtuBytes: 1500,
  alias: `it's "$(reboot)" \`here\` \\ and there`,
}
const rules = (tool: RulesStep['tool'], text: string): Step => ({
  kind: 'rules',
  where: 'host',
  tool,
  add: text,
  remove: '',
})

describe('shell lines', () => {
  it('carry any text as it is', () => {
    const [, alias = ''] = describeStep(bridge).add
    const words = execFileSync('sh', ['-c', `printf '%s\\n' ${alias}`], { encoding: 'utf8', timeout: 30_000 })
    expect(words.split('\n').slice(0, -1)).toEqual([
      'ip',
      'link',
      'set',
      'dev',
      'br0',
      'alias',
      `it's "$(reboot)" \`here\` \\ and there`,
    ])
  })

  it('hand rules over unread, whatever is in them', () => {
    const text = 'add rule inet tsnet x comment "$HOME `id`"\nRULES\nRULES_\n'
    const [line = ''] = describeStep(rules('nft', text)).add
    const read = execFileSync('sh', ['-c', line.replace('nft -f -', 'cat')], {
      encoding: 'utf8',
      timeout: 30_000,
    })
    expect(read).toBe(text)
  })

  it('name the restore program of each variant', () => {
    const tools = ['nft', 'iptables', 'ip6tables-nft', 'iptables-legacy'] as const
    expect(tools.map((tool) => describeStep(rules(tool, 'x')).add[0]?.split('\n')[0])).toEqual([
      "nft -f - <<'RULES'",
      "iptables-restore --noflush --wait <<'RULES'",
      "ip6tables-nft-restore --noflush --wait <<'RULES'",
      "iptables-legacy-restore --noflush --wait <<'RULES'",
    ])
  })

  it('set and put back settings, and never those that are kept', () => {
    const setting = {
      kind: 'sysctl',
      where: 'sandbox',
      key: 'net/ipv4/ping_group_range',
      value: '0 1',
    } as const
    const optional = { ...setting, keep: false, optional: true, before: '1 0' }
    const kept = { ...setting, where: 'host', keep: true, optional: false, before: '1 0' } as const
    expect([describeStep(optional), describeStep(kept)]).toEqual([
      {
        add: [`nsenter --net="$NETNS" sysctl -q -e -w 'net/ipv4/ping_group_range=0 1'`],
        remove: [`nsenter --net="$NETNS" sysctl -q -e -w 'net/ipv4/ping_group_range=1 0'`],
      },
      { add: [`sysctl -q -w 'net/ipv4/ping_group_range=0 1'`], remove: [] },
    ])
  })

  it('say routes and addresses as ip takes them', () => {
    const at = { where: 'sandbox', dev: 'eth0' } as const
    const steps: readonly Step[] = [
      { kind: 'route', ...at, to: '0.0.0.0/0' as Subnet, via: '10.0.0.1' as Address, metric: 5 },
      { kind: 'route', ...at, to: 'fd00::/64' as Subnet },
      { kind: 'address', ...at, cidr: '10.0.0.2/31' as Cidr },
    ]
    expect(steps.map((step) => describeStep(step).add[0])).toEqual([
      'nsenter --net="$NETNS" ip route add default via 10.0.0.1 dev eth0 metric 5',
      'nsenter --net="$NETNS" ip -6 route add fd00::/64 dev eth0',
      'nsenter --net="$NETNS" ip address add 10.0.0.2/31 dev eth0',
    ])
  })
})

describe('the script', () => {
  it('quotes the path of the sandbox, and is one a shell can read', () => {
    const text = script([bridge, rules('iptables', '*filter\nCOMMIT\n')], { sandboxPath: "/run/netns/it's" })
    expect(text.split('\n').slice(0, 3)).toEqual(['#!/bin/sh', 'set -eu', "NETNS='/run/netns/it'\\''s'"])
    expect(execFileSync('sh', ['-n'], { input: text, encoding: 'utf8', timeout: 30_000 })).toBe('')
  })
})
