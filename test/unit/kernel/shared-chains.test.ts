/**
 * Restore texts that share chains: what of them is run where the chains are there already, or still in use.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { printerFor } from '../../../lib/firewall/printer.ts'
import { createMemoryKernel } from '../../../lib/kernel/memory/memory.ts'
import { mendingOf } from '../../../lib/kernel/rules/restore-mend.ts'
import { mergedRestore } from '../../../lib/kernel/rules/restore-text.ts'
import { addingTo, endingOf, removingFrom, sharedChains } from '../../../lib/kernel/rules/shared-chains.ts'
import type { Address } from '../../../lib/model/address.ts'
import type { RulesStep } from '../../../lib/plan/step.ts'

const { print } = printerFor('iptables')

function publish(owner: string, ...ports: readonly number[]): RulesStep {
  const [step] = print({
    kind: 'publish',
    owner,
    bridge: 'tsnet0',
    addresses: ['10.89.0.2' as Address],
    bindings: ports.map((port) => ({ hostPort: port, containerPort: 80, count: 1, protocol: 'tcp' })),
  })
  if (step === undefined) throw new Error('nothing is printed')
  return step
}

const jump = 'TSNET-DNAT -p tcp -m tcp --dport 0:255 -m comment --comment "tsnet:base" -j TSNET-DNAT-TCP-0'
const lead = (owner: string, port: number): string =>
  `TSNET-DNAT-TCP-0 -p tcp -m tcp --dport ${port} -m comment --comment "tsnet:${owner}" -j DNAT --to-destination 10.89.0.2:80`
const [a, b] = [publish('a/eth0', 80), publish('b/eth0', 81)]

describe('a text that shares a chain with others', () => {
  it('makes it once, where it is not there', () => {
    const both = mergedRestore([a.add, b.add])
    expect(sharedChains(both)).toEqual([{ table: 'nat', chain: 'TSNET-DNAT-TCP-0' }])
    expect(addingTo(both, () => false)).toBe(`*nat
-N TSNET-DNAT-TCP-0
-A ${jump}
-A ${lead('a/eth0', 80)}
-A ${lead('b/eth0', 81)}
COMMIT
`)
    expect(addingTo(both, () => true)).toBe(`*nat
-A ${lead('a/eth0', 80)}
-A ${lead('b/eth0', 81)}
COMMIT
`)
  })

  it('takes it away with the last rule in it, and leaves it else', () => {
    const both = mergedRestore([a.remove, b.remove])
    const asked: number[] = []
    const isLast = (_: unknown, rules: number): boolean => asked.push(rules) > 0
    expect(removingFrom(both, isLast)).toBe(`*nat
-D ${lead('a/eth0', 80)}
-D ${lead('b/eth0', 81)}
-D ${jump}
-X TSNET-DNAT-TCP-0
COMMIT
`)
    expect(asked).toEqual([2])
    expect(removingFrom(a.remove, () => false)).toBe(`*nat\n-D ${lead('a/eth0', 80)}\nCOMMIT\n`)
    expect(endingOf(both, { table: 'nat', chain: 'TSNET-DNAT-TCP-0' })).toBe(
      `*nat\n-D ${jump}\n-X TSNET-DNAT-TCP-0\nCOMMIT\n`,
    )
  })

  it('shares neither what it empties nor what only others fill', () => {
    const base = mergedRestore(
      print({ kind: 'base' }).flatMap(({ tool, add }) => (tool === 'iptables' ? add : [])),
    )
    expect(base).toContain('-N TSNET-USER\n')
    expect(base).toContain('-j TSNET-USER\n')
    expect(sharedChains(base)).toEqual([])
  })
})

describe('shared chains that somebody has flushed', () => {
  it('are made anew once, with the rules of all', () => {
    const { damaged, text } = mendingOf([a.add, b.add], '*nat\n:TSNET-DNAT - [0:0]\nCOMMIT\n')
    expect(damaged).toEqual([0, 1])
    expect(text).toBe(`*nat
:TSNET-DNAT-TCP-0 - [0:0]
-A ${jump}
-A ${lead('a/eth0', 80)}
-A ${lead('b/eth0', 81)}
COMMIT
`)
  })

  it('are left alone where all is there', () => {
    const saved = `*nat
:TSNET-DNAT - [0:0]
:TSNET-DNAT-TCP-0 - [0:0]
-A ${jump}
-A ${lead('b/eth0', 81)}
-A ${lead('a/eth0', 80)}
COMMIT
`
    expect(mendingOf([a.add, b.add], saved)).toEqual({ damaged: [], text: '' })
  })
})

describe('published ports of the memory kernel', () => {
  it('come and go with their chain, in any order', async () => {
    const kernel = createMemoryKernel()
    const base = print({ kind: 'base' })
    await kernel.apply(base, undefined)
    const before = kernel.dump()
    await kernel.apply([a, b, publish('c/eth0', 300)], undefined)
    expect(kernel.dump().match(/-N TSNET-DNAT-TCP-\d+$/gm)).toEqual([
      '-N TSNET-DNAT-TCP-0',
      '-N TSNET-DNAT-TCP-256',
    ])
    for (const step of [a, publish('c/eth0', 300), b, a]) await kernel.revert([step], undefined)
    expect(kernel.dump()).toEqual(before)
  })
})
