/**
 * Single elements over our own nfnetlink messages, beside the same script over
 * nft: no difference that nft can see.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { printerFor } from '../../lib/firewall/printer.ts'
import type { Address } from '../../lib/model/address.ts'
import type { PortBinding } from '../../lib/model/portmapping.ts'
import type { RulesStep } from '../../lib/plan/step.ts'
import type { Host } from '../../netns-fixtures/host.ts'
import { createLab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { startRulesAgent } from './agents/rules-client.ts'

needs('root', 'nft', 'ipv6')

const printer = printerFor('nftables')

function only(steps: readonly unknown[]): RulesStep {
  if (steps.length !== 1) throw new Error(`${steps.length} steps`)
  return steps[0] as RulesStep
}

const base = only(printer.print({ kind: 'base' })).add

const publish = (...bindings: readonly PortBinding[]): RulesStep =>
  only(
    printer.print({
      kind: 'publish',
      owner: 'box/eth0',
      bridge: 'br-web',
      addresses: ['10.7.0.2', 'fd00:7::2'] as Address[],
      bindings,
    }),
  )

const singles = publish(
  { hostPort: 8080, containerPort: 80, count: 1, protocol: 'tcp' },
  { hostPort: 53, containerPort: 5353, count: 1, protocol: 'udp' },
  { hostPort: 65535, containerPort: 1, count: 1, protocol: 'sctp' },
  { hostAddress: '192.0.2.1' as Address, hostPort: 81, containerPort: 80, count: 1, protocol: 'tcp' },
  { hostAddress: '2001:db8::1' as Address, hostPort: 81, containerPort: 80, count: 1, protocol: 'tcp' },
  { hostPort: 7000, containerPort: 7100, count: 3, protocol: 'tcp' },
)

const table = async (host: Host): Promise<string> => (await host.sh('nft list table inet tsnet')).stdout

describe('published ports over our own messages', () => {
  it('are in the table as if nft had put them there, and go again', async () => {
    await using lab = await createLab()
    const [ours, theirs] = [await lab.host('ours'), await lab.host('theirs')]
    const rules = startRulesAgent(ours)
    await rules.call('runNft', base)
    const before = await table(ours)
    await theirs.run(['nft', '-f', '-'], { stdin: base + singles.add })

    expect(await rules.call('changeElements', singles.add)).toBe(true)
    expect(await table(ours)).toBe(await table(theirs))
    expect(await table(ours)).not.toBe(before)
    expect(await rules.call('missingNft', singles.add)).toBe(false)

    expect(await rules.call('changeElements', singles.remove)).toBe(true)
    expect(await table(ours)).toBe(before)
  })

  it('of a range of thousands to other numbers are one transaction too', async () => {
    await using lab = await createLab()
    const [ours, theirs] = [await lab.host('ours'), await lab.host('theirs')]
    const rules = startRulesAgent(ours)
    await rules.call('runNft', base)
    const before = await table(ours)
    const range = publish({ hostPort: 10_000, containerPort: 20_000, count: 3000, protocol: 'udp' })
    await theirs.run(['nft', '-f', '-'], { stdin: base + range.add })

    expect(await rules.call('changeElements', range.add)).toBe(true)
    expect(await table(ours)).toBe(await table(theirs))
    const oneMissing = `${range.remove}delete element inet tsnet ports4 { tcp . 9 }\n`
    expect(await rules.call('changeElements', oneMissing)).toBe(false)
    expect(await table(ours)).toBe(await table(theirs))
    expect(await rules.call('changeElements', range.remove)).toBe(true)
    expect(await table(ours)).toBe(before)
  })

  it('may be there already, but not with another value', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    const rules = startRulesAgent(host)
    await rules.call('runNft', base + singles.add)
    const before = await table(host)
    expect(await rules.call('changeElements', singles.add)).toBe(true)
    const other = singles.add.replaceAll('10.7.0.2', '10.7.0.3')
    expect(await rules.call('changeElements', other)).toBe(false)
    expect(await rules.errorOf('runNft', other)).toMatchObject({ code: 'TSNET_PROGRAM_FAILED' })
    expect(await table(host)).toBe(before)
  })

  it('change all together or not at all', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    const rules = startRulesAgent(host)
    await rules.call('runNft', base + singles.add)
    const before = await table(host)
    const oneMissing = `${singles.remove}delete element inet tsnet ports4 { tcp . 9 }\n`
    expect(await rules.call('changeElements', oneMissing)).toBe(false)
    expect(await table(host)).toBe(before)
    await rules.call('revertNft', oneMissing)
    expect(await table(host)).not.toContain('10.7.0.2')
  })

  it('of ranges, and everything else, are left to nft', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    const rules = startRulesAgent(host)
    await rules.call('runNft', base)
    const before = await table(host)
    const range = publish({ hostPort: 9000, containerPort: 9000, count: 100, protocol: 'udp' })
    for (const script of [range.add, base, '', `${singles.add}add table inet other\n`]) {
      expect(await rules.call('changeElements', script)).toBe(false)
    }
    expect(await table(host)).toBe(before)
  })
})

describe('looking for a chain', () => {
  it('finds it or not, in the family that was asked for', async () => {
    await using lab = await createLab()
    const host = await lab.host('h1')
    await host.sh('nft add table ip filter; nft add chain ip filter FORWARD')
    const rules = startRulesAgent(host)
    const has = (family: string, name: string, chain: string): Promise<boolean> =>
      rules.call('mayHaveChain', { family, name }, chain)
    expect(await has('ip', 'filter', 'FORWARD')).toBe(true)
    expect(await has('ip', 'filter', 'INPUT')).toBe(false)
    expect(await has('ip6', 'filter', 'FORWARD')).toBe(false)
    expect(await has('inet', 'tsnet', 'TSNET-USER')).toBe(false)
  })
})
