/**
 * Printed rules against their golden files, and what both printers have in common.
 *
 * @module
 */

import { describe, expect, it } from 'vitest'
import { printerFor } from '../../../lib/firewall/printer.ts'
import type { Address, Subnet } from '../../../lib/model/address.ts'
import type { NetworkIntent, PublishIntent } from '../../../lib/plan/intent.ts'
import type { RulesStep } from '../../../lib/plan/step.ts'
import { scenarios } from './scenarios.ts'

const golden = '../../golden/rules'
const backends = ['iptables', 'nftables'] as const

function rendered(steps: readonly RulesStep[]): string {
  return steps
    .map(({ tool, add, remove }) => `# ${tool}: add\n${add}\n# ${tool}: remove\n${remove}`)
    .join('\n')
}

describe.each(backends)('%s', (backend) => {
  const { print } = printerFor(backend)

  it.each(scenarios)('prints the golden rules of $file', async ({ file, intent }) => {
    await expect(rendered(print(intent))).toMatchFileSnapshot(`${golden}/${backend}/${file}.txt`)
  })

  it.each(scenarios)('has one statement on each line of $file, and as many to remove it', ({ intent }) => {
    for (const { add, remove } of print(intent)) {
      for (const text of [add, remove]) {
        expect(text.endsWith('\n')).toBe(true)
        expect(text.split('\n').slice(0, -1)).toSatisfy((lines: string[]) =>
          lines.every((line) => line.trim()),
        )
      }
    }
  })

  it('refuses names that would end a string or match other interfaces', () => {
    const network: NetworkIntent = {
      kind: 'network',
      network: 'web',
      bridge: 'tsnet0',
      subnets: ['10.89.0.0/24' as Subnet],
      internal: false,
      icc: true,
      isolate: true,
      masquerade: true,
    }
    const publish: PublishIntent = {
      kind: 'publish',
      owner: 'a"\n-F',
      bridge: 'tsnet0',
      addresses: ['10.89.0.2' as Address],
      bindings: [{ hostPort: 80, containerPort: 80, count: 1, protocol: 'tcp' }],
    }
    const strange = [
      { ...network, network: 'we"b' },
      { ...network, network: 'we b' },
      { ...network, bridge: 'ts+' },
      { ...network, bridge: 'ts*' },
      { ...network, bridge: 'sixteen-letters-' },
      publish,
    ]
    for (const intent of strange) {
      expect(() => print(intent)).toThrow(expect.objectContaining({ code: 'TSNET_INTERNAL' }))
    }
  })

  it('cuts a tag so that nft takes it and its interface name stays', () => {
    const id = 'c'.repeat(128)
    const texts = print({
      kind: 'publish',
      owner: `${id}/eth0`,
      bridge: 'tsnet0',
      addresses: ['10.89.0.2' as Address],
      bindings: [{ hostPort: 80, containerPort: 80, count: 1, protocol: 'tcp' }],
    }).map(({ add }) => /"(tsnet:c[^"]*)"/.exec(add)?.[1] ?? '')
    expect(texts.map((text) => [text.length, text.slice(-7)])).toEqual([[127, 'cc/eth0']])
  })

  it('publishes nothing in a family the container has no address of', () => {
    const steps = print({
      kind: 'publish',
      owner: 'c/eth0',
      bridge: 'tsnet0',
      addresses: ['10.89.0.2' as Address],
      bindings: [
        { hostAddress: '::' as Address, hostPort: 80, containerPort: 80, count: 1, protocol: 'tcp' },
      ],
    })
    expect(steps).toEqual([])
  })
})

describe('iptables', () => {
  const { print } = printerFor('iptables')

  it('removes exactly the rules it has put into chains of others', () => {
    for (const { intent } of scenarios) {
      for (const { add, remove } of print(intent)) {
        const own = new Set([...add.matchAll(/^:(\S+)/gm)].map(([, chain]) => chain))
        const added = [...add.matchAll(/^-[AI] (\S+)(?: 1)? (.*)$/gm)].filter(([, chain]) => !own.has(chain))
        const removed = [...remove.matchAll(/^-D (\S+) (.*)$/gm)]
        expect(removed.map(([, chain, rule]) => `${chain} ${rule}`).sort()).toEqual(
          added.map(([, chain, rule]) => `${chain} ${rule}`).sort(),
        )
      }
    }
  })

  it('never empties the chain of the admin', () => {
    const texts = print({ kind: 'base' }).flatMap(({ add, remove }) => [add, remove])
    expect(texts.filter((text) => /^(:|-F )TSNET-USER/m.test(text))).toEqual([])
  })
})

describe('nftables', () => {
  it('adds nothing but elements once the base is there, but for the tables of protect=strict', () => {
    const { print } = printerFor('nftables')
    const lines = scenarios
      .filter(({ intent }) => intent.kind === 'network' || intent.kind === 'publish')
      .flatMap(({ intent }) => print(intent))
      .flatMap(({ add }) => add.trimEnd().split('\n'))
    const others = lines.filter((line) => !line.startsWith('add element inet tsnet '))
    expect(others.filter((line) => !/^(?:add|delete) \w+ inet tsnet-ts-web-1a2b3\b/.test(line))).toEqual([])
  })
})

describe('none', () => {
  it('prints nothing', () => {
    expect(scenarios.flatMap(({ intent }) => printerFor('none').print(intent))).toEqual([])
  })
})

describe('RULES.md', () => {
  it('shows what is printed', async () => {
    const section = ({ title, intent }: (typeof scenarios)[number]): string => {
      const block = (backend: (typeof backends)[number]): string =>
        printerFor(backend)
          .print(intent)
          .map(
            ({ tool, add }) =>
              `\`\`\`sh\n# ${tool === 'nft' ? 'nft -f -' : `${tool}-restore --noflush`}\n${add}\`\`\``,
          )
          .join('\n\n')
      const blocks = intent.kind === 'foreignAccept' ? [block('iptables')] : backends.map(block)
      return `## ${title}\n\n${blocks.join('\n\n')}\n`
    }
    const text = [
      '# Rules, as they are printed\n',
      'Made by `test/unit/firewall/printer.test.ts` (`npx vitest run -u` there writes it anew): do not edit.',
      'What the chains are for is in [README.md](README.md), what comes of it in [PROBES.md](PROBES.md).\n',
      ...scenarios.map(section),
    ].join('\n')
    await expect(text).toMatchFileSnapshot('../../../lib/firewall/RULES.md')
  })
})
