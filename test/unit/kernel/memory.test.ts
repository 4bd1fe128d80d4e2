/**
 * The memory kernel's packet rules: the same scripts, refused where the real
 * tools refuse them.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { printerFor } from '../../../lib/firewall/printer.ts'
import { createMemoryKernel } from '../../../lib/kernel/memory/memory.ts'
import type { Address, Cidr, Subnet } from '../../../lib/model/address.ts'
import type { PublishIntent } from '../../../lib/plan/intent.ts'
import type { LoweredStep, RulesStep } from '../../../lib/plan/step.ts'

const rules = (tool: RulesStep['tool'], add: string, remove = ''): RulesStep => ({
  kind: 'rules',
  where: 'host',
  tool,
  add,
  remove,
})
const publish = (owner: string, address: string): PublishIntent => ({
  kind: 'publish',
  owner,
  bridge: 'tsnet0',
  addresses: [address as Address],
  bindings: [{ hostPort: 8080, containerPort: 80, count: 1, protocol: 'tcp' }],
})

async function outcomes(steps: readonly LoweredStep[]): Promise<readonly string[]> {
  const kernel = createMemoryKernel()
  const told: string[] = []
  for (const step of steps) {
    const { results, error } = await kernel.apply([step], undefined)
    told.push(error instanceof Error ? error.message : results[0]?.created ? 'created' : 'was there')
  }
  return told
}

describe('nftables of the memory kernel', () => {
  it('refuses a second owner of a published port', async () => {
    const { print } = printerFor('nftables')
    const steps = [
      { kind: 'base' } as const,
      publish('a/eth0', '10.0.0.2'),
      publish('a/eth0', '10.0.0.2'),
      publish('b/eth0', '10.0.0.3'),
    ]
    expect(await outcomes(steps.flatMap(print))).toEqual([
      'created',
      'created',
      'created',
      'rules nft: EEXIST (ports4 has tcp . 8080 already)',
    ])
  })

  it('refuses what it cannot read, and rules about sets and chains there are not', async () => {
    const table = 'add table inet t\n'
    expect(
      await outcomes([
        rules('nft', 'frobnicate'),
        rules('nft', 'add chain inet t c'),
        rules('nft', `${table}add rule inet t c accept`),
        rules('nft', `${table}add chain inet t c\nadd rule inet t c ip saddr @nobody drop`),
        rules('nft', 'delete table inet t'),
      ]),
    ).toEqual([
      'rules nft: EINVAL (syntax error: frobnicate)',
      'rules nft: ENOENT (no table inet t)',
      'rules nft: ENOENT (no chain c)',
      'rules nft: ENOENT (no set nobody)',
      'rules nft: ENOENT (no table inet t)',
    ])
  })
})

describe('iptables of the memory kernel', () => {
  it('refuses rules in chains and jumps to chains there are not', async () => {
    expect(
      await outcomes([
        rules('iptables', '*filter\n-A TSNET-FORWARD -j ACCEPT\nCOMMIT\n'),
        rules('iptables', '*filter\n-A FORWARD -j TSNET-FORWARD\nCOMMIT\n'),
        rules('iptables', '*filter\n-N TSNET-USER\nCOMMIT\n'),
        rules('iptables', '*filter\n-N TSNET-USER\nCOMMIT\n'),
        rules('iptables', '*filter\n-A FORWARD -j TSNET-USER\n-X TSNET-USER\nCOMMIT\n'),
      ]),
    ).toEqual([
      'rules iptables: ENOENT (no chain TSNET-FORWARD)',
      'rules iptables: ENOENT (no chain TSNET-FORWARD to jump to)',
      'created',
      'was there',
      'rules iptables: EBUSY (chain TSNET-USER is in use)',
    ])
  })

  it('keeps variants and families apart', async () => {
    const kernel = createMemoryKernel({ host: { iptables: 'legacy', links: [], addresses: [], routes: [] } })
    const text = '*filter\n:MINE - [0:0]\nCOMMIT\n'
    await kernel.apply([rules('iptables', text), rules('ip6tables-nft', text)], undefined)
    expect(kernel.dump().split('\n').slice(-4)).toEqual([
      'rules',
      '  ip6tables-nft *filter -N MINE',
      '  iptables-legacy *filter -N MINE',
      '',
    ])
  })

  it('takes only the rules of one network away', async () => {
    const { print } = printerFor('iptables')
    const kernel = createMemoryKernel()
    const network = (name: string, subnet: string): readonly RulesStep[] =>
      print({
        kind: 'network',
        network: name,
        bridge: `${name}0`,
        subnets: [subnet as Subnet],
        internal: false,
        icc: true,
        isolate: true,
        masquerade: true,
      })
    await kernel.apply([...print({ kind: 'base' }), ...network('one', '10.0.1.0/24')], undefined)
    const before = kernel.dump()
    const two = network('two', '10.0.2.0/24')
    await kernel.apply(two, undefined)
    expect(await kernel.missing(two, undefined)).toEqual([])
    expect(await kernel.revert(two, undefined)).toEqual([])
    expect(kernel.dump()).toBe(before)
    expect(await kernel.missing(two, undefined)).toEqual(two)
  })
})

describe('facts of the memory kernel', () => {
  it('tell the way out by the lowest metric, with its source', async () => {
    const kernel = createMemoryKernel({
      host: {
        links: [{ name: 'eth0' }, { name: 'wlan0', mtuBytes: 1400 }],
        addresses: [
          { dev: 'eth0', cidr: '192.0.2.2/24' as Cidr },
          { dev: 'wlan0', cidr: '198.51.100.2/24' as Cidr },
        ],
        routes: [
          { to: '0.0.0.0/0' as Cidr, via: '192.0.2.1' as Address, dev: 'eth0', metric: 600 },
          { to: '0.0.0.0/0' as Cidr, via: '198.51.100.1' as Address, dev: 'wlan0', metric: 100 },
        ],
      },
    })
    expect([await kernel.wayOut(4), await kernel.wayOut(6)]).toEqual([
      { family: 4, dev: 'wlan0', mtuBytes: 1400, source: '198.51.100.2' },
      undefined,
    ])
  })
})
