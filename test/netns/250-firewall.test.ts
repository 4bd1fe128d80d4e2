/**
 * The probe table on real kernels: three kinds of tables, both families,
 * whatever the FORWARD policy and `bridge-nf-call-iptables`.
 *
 * @module
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { printerFor } from '../../lib/firewall/printer.ts'
import {
  addingTo,
  removingFrom,
  type SharedChain,
  sharedChains,
} from '../../lib/kernel/rules/shared-chains.ts'
import type { Family } from '../../lib/model/address.ts'
import type { FirewallIntent } from '../../lib/plan/intent.ts'
import type { RulesStep, RulesTool } from '../../lib/plan/step.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'
import { createProbeLab, type ProbeLab, probeIntents } from '../contract/probe-lab.ts'
import { type Outcome, type Probe, probeNetworks, probes } from '../contract/probes.ts'

type Variant = 'iptables-nft' | 'iptables-legacy'

/** One kind of host. */
interface Setting {
  readonly backend: Variant | 'nftables'
  readonly bridgeNf: 0 | 1
  /** Whose FORWARD policy is DROP, if any. */
  readonly drops: Variant | 'nobody'
}

const settings: readonly Setting[] = [
  ...(['iptables-nft', 'iptables-legacy', 'nftables'] as const).flatMap((backend) =>
    ([0, 1] as const).flatMap((bridgeNf) => [
      { backend, bridgeNf, drops: 'nobody' } as const,
      { backend, bridgeNf, drops: backend === 'nftables' ? 'iptables-nft' : backend } as const,
    ]),
  ),
  { backend: 'nftables', bridgeNf: 1, drops: 'iptables-legacy' },
  { backend: 'iptables-legacy', bridgeNf: 1, drops: 'iptables-nft' },
  { backend: 'iptables-nft', bridgeNf: 1, drops: 'iptables-legacy' },
]

let lab: ProbeLab

beforeAll(async () => {
  needs(
    'root',
    'ip',
    'nft',
    'iptables-nft',
    'iptables-legacy',
    'conntrack',
    'tcpdump',
    'gcc',
    'ipv6',
    'veth',
    'bridge',
  )
  lab = await createProbeLab()
})

afterAll(async () => {
  await lab?.lab.dispose()
})

describe('without rules', () => {
  it('whatever the rules are to keep out comes through', async () => {
    await prepare({ backend: 'nftables', bridgeNf: 0, drops: 'nobody' })
    const kept = probes.filter(({ outcome, byBridge }) => outcome === 'dropped' && !byBridge)
    const seen = await probeAll(kept)
    expect(seen.filter((line) => line.includes(': dropped'))).toEqual([])
    expect(seen.length).toBeGreaterThan(kept.length)
  })
})

describe.each(settings.map((setting) => [titleOf(setting), setting] as const))('%s', (_title, setting) => {
  it('does with every packet what the table says, and leaves nothing behind', async () => {
    await prepare(setting)
    try {
      const before = await snapshot(lab.host)
      const steps = stepsFor(setting)
      await applyAll(setting, steps)
      try {
        expect(snapshotDifference(before, await snapshot(lab.host))).not.toEqual([])
        expect(await probeAll(probes)).toEqual(probes.flatMap(expectedLines))
      } finally {
        await removeAll(setting, steps)
      }
      expect(snapshotDifference(before, await snapshot(lab.host))).toEqual([])
    } finally {
      await dropForwarded(setting, 'ACCEPT')
    }
  })
})

describe.each(['iptables-nft', 'iptables-legacy', 'nftables'] as const)('with %s', (backend) => {
  const setting: Setting = { backend, bridgeNf: 0, drops: 'nobody' }

  it('looks at the rules of the admin first', async () => {
    await prepare(setting)
    const steps = stepsFor(setting)
    await applyAll(setting, steps)
    const { host, outside, address } = lab
    const published = async (family: Family): Promise<string> =>
      await outside.probe.tcp(address('host', family, ''), 8080)
    const user = (verb: 'append' | 'delete'): string =>
      backend === 'nftables'
        ? {
            append: 'nft add rule inet tsnet TSNET-USER drop',
            delete: 'nft flush chain inet tsnet TSNET-USER',
          }[verb]
        : ['', '6']
            .map((six) => `${backend.replace('iptables', `ip${six}tables`)} --${verb} TSNET-USER -j DROP`)
            .join('\n')
    try {
      expect([await published(4), await published(6)]).toEqual(['reached', 'reached'])
      await host.sh(user('append'))
      expect([await published(4), await published(6)]).toEqual(['timeout', 'timeout'])
      await host.sh(user('delete'))
    } finally {
      await removeAll(setting, steps)
    }
  })

  it('keeps what the admin has put into TSNET-USER before there was a base', async () => {
    await prepare(setting)
    const { host } = lab
    const before = await snapshot(host)
    const words =
      backend === 'nftables'
        ? {
            make: 'nft "add table inet tsnet; add chain inet tsnet TSNET-USER; add rule inet tsnet TSNET-USER counter"',
            list: 'nft list chain inet tsnet TSNET-USER',
            rule: /^\s*counter/m,
            flush: 'nft flush chain inet tsnet TSNET-USER',
          }
        : {
            make: `${backend} -N TSNET-USER; ${backend} -A TSNET-USER -s 192.0.2.7 -j DROP`,
            list: `${backend} -S TSNET-USER`,
            rule: /^-A TSNET-USER -s 192.0.2.7\/32 -j DROP$/m,
            flush: `${backend} -F TSNET-USER`,
          }
    const steps = printerFor(backend === 'nftables' ? 'nftables' : 'iptables').print({ kind: 'base' })
    await host.sh(words.make)
    try {
      for (const { tool, add } of steps) {
        // For iptables one step makes that chain alone, and an executor takes "it exists" for done.
        const there = backend !== 'nftables' && tool === 'iptables' && add.includes('-N TSNET-USER')
        await host.run(programOf(setting, tool), { stdin: add, expectExit: there ? 1 : 0 })
      }
      expect((await host.sh(words.list)).stdout).toMatch(words.rule)
      await host.sh(words.flush)
    } finally {
      await removeAll(setting, steps)
    }
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
  })

  it.each([4, 6] as const)(
    'fits TCP segments to the smaller path in both directions, IPv%i',
    async (family) => {
      await prepare(setting)
      const steps = stepsFor(setting)
      await applyAll(setting, steps)
      const { outside, place, address } = lab
      const filter = family === 4 ? 'tcp[tcpflags] & tcp-syn != 0' : 'ip6[6] == 6 and ip6[53] & 2 != 0'
      const tcpdump = outside.start(['tcpdump', '-nlvi', 'eth0', '-c', '4', filter])
      try {
        await tcpdump.waitFor('listening on')
        expect(await place('web1').probe.tcp(address('outside', family, ''), 80)).toBe('reached')
        expect(await outside.probe.tcp(address('host', family, ''), 8080)).toBe('reached')
        await tcpdump.exited
        const sizes = [...tcpdump.output().matchAll(/mss (\d+)/g)].map(([, size]) => Number(size))
        // 1400 of the wire less the headers of IP and TCP; containers have links of 1500.
        const fitting = 1400 - (family === 4 ? 40 : 60)
        expect(sizes).toEqual([fitting, fitting, fitting, fitting])
      } finally {
        await tcpdump.stop()
        await removeAll(setting, steps)
      }
    },
  )
})

function titleOf({ backend, bridgeNf, drops }: Setting): string {
  const policy = drops === 'nobody' ? 'FORWARD policy ACCEPT' : `FORWARD policy DROP in ${drops}`
  return `with ${backend}, ${policy}, bridge-nf-call-iptables ${bridgeNf}`
}

async function prepare(setting: Setting): Promise<void> {
  await dropForwarded(setting, 'DROP')
  await lab.host.sh(`sysctl -qw net.bridge.bridge-nf-call-iptables=${setting.bridgeNf}
    sysctl -qw net.bridge.bridge-nf-call-ip6tables=${setting.bridgeNf}
    ${isolation(setting)}
    conntrack -F 2>/dev/null`)
}

/** With icc=false the bridge keeps its ports apart where rules do not see what stays inside: README.md, limits. */
function isolation({ bridgeNf }: Setting): string {
  return probeNetworks
    .filter(({ icc }) => !icc)
    .flatMap(({ containers }) => containers)
    .map((name) => `ip link set ${name} type bridge_slave isolated ${bridgeNf === 0 ? 'on' : 'off'}`)
    .join('\n    ')
}

async function dropForwarded({ drops }: Setting, policy: 'DROP' | 'ACCEPT'): Promise<void> {
  if (drops === 'nobody') return
  await lab.host.sh(`${drops} -P FORWARD ${policy}; ${drops.replace('ip', 'ip6')} -P FORWARD ${policy}`)
}

function stepsFor({ backend, drops }: Setting): readonly RulesStep[] {
  const { print } = printerFor(backend === 'nftables' ? 'nftables' : 'iptables')
  const intents = probeIntents()
  const foreign = intents.flatMap((intent): FirewallIntent[] => {
    if (drops === 'nobody' || drops === backend || intent.kind !== 'network') return []
    const { network, bridge } = intent
    return ([4, 6] as const).map((family) => ({
      kind: 'foreignAccept',
      network,
      bridge,
      tool: drops,
      family,
    }))
  })
  return [...intents, ...foreign].flatMap((intent) => print(intent))
}

const chainKey = (tool: RulesTool, { table, chain }: SharedChain): string => `${tool} ${table} ${chain}`

/** Chains that several texts share are made by the first and removed with the last, as the executor has it. */
async function applyAll(setting: Setting, steps: readonly RulesStep[]): Promise<void> {
  const there = new Set<string>()
  for (const { tool, add } of steps) {
    const isNft = tool === 'nft'
    const text = isNft ? add : addingTo(add, (one) => there.has(chainKey(tool, one)))
    await lab.host.run(programOf(setting, tool), { stdin: text })
    if (!isNft) for (const one of sharedChains(add)) there.add(chainKey(tool, one))
  }
}

async function removeAll(setting: Setting, steps: readonly RulesStep[]): Promise<void> {
  const users = steps.flatMap(({ tool, add }) =>
    tool === 'nft' ? [] : sharedChains(add).map((one) => chainKey(tool, one)),
  )
  const isLast = (key: string): boolean => {
    users.splice(users.indexOf(key), 1)
    return !users.includes(key)
  }
  for (const { tool, remove } of [...steps].reverse()) {
    const text = tool === 'nft' ? remove : removingFrom(remove, (one) => isLast(chainKey(tool, one)))
    await lab.host.run(programOf(setting, tool), { stdin: text })
  }
}

/** Plain `iptables` is the variant that the setting means. */
function programOf({ backend }: Setting, tool: RulesTool): readonly string[] {
  if (tool === 'nft') return ['nft', '-f', '-']
  const chosen = /^ip6?tables$/.test(tool)
    ? `${tool}-${backend === 'iptables-legacy' ? 'legacy' : 'nft'}`
    : tool
  return [`${chosen}-restore`, '--noflush', '--wait']
}

/** One line for each row, family and port: the table as it was seen. */
async function probeAll(rows: readonly Probe[]): Promise<readonly string[]> {
  return await Promise.all(rows.flatMap(shotsOf).map(seenLine))
}

interface Shot {
  readonly row: Probe
  readonly family: Family
  readonly protocol: 'tcp' | 'udp' | 'sctp'
  readonly port: number
}

function shotsOf(row: Probe): readonly Shot[] {
  return (row.families ?? ([4, 6] as const)).flatMap((family) =>
    row.ports.map((text) => {
      const [protocol, port] = text.split('/') as ['tcp' | 'udp' | 'sctp', string]
      return { row, family, protocol, port: Number(port) }
    }),
  )
}

async function seenLine(shot: Shot): Promise<string> {
  const { row, family, protocol, port } = shot
  const { probe } = lab.place(row.from)
  const ask = { tcp: probe.tcpDetail, udp: probe.udpDetail, sctp: probe.sctpDetail }[protocol]
  const { verdict, answer, seenAs } = await ask(lab.address(row.to, family, row.from), port, {
    // An answer needs processes on two sides.
    timeoutMs: row.outcome === 'dropped' ? 1500 : 10_000,
  })
  const silence = verdict === 'timeout' || (row.byBridge && verdict === 'unreachable')
  const outcome = silence ? 'dropped' : verdict
  return lineOf(shot, outcome, answer && { by: answer.name, at: answer.local.port, seenAs: seenAs ?? '' })
}

function expectedLines(row: Probe): readonly string[] {
  return shotsOf(row).map((shot) => {
    if (row.outcome !== 'reached') return lineOf(shot, row.outcome, undefined)
    const by = row.by ?? row.to
    const seenAs = lab.address(row.seenAs ?? row.from, shot.family, by)
    return lineOf(shot, row.outcome, { by, at: row.at ?? shot.port, seenAs })
  })
}

function lineOf(
  { row, family, protocol, port }: Shot,
  outcome: Outcome | 'unreachable',
  answer: { readonly by: string; readonly at: number; readonly seenAs: string } | undefined,
): string {
  const found = answer === undefined ? '' : ` ${answer.by}:${answer.at} as ${answer.seenAs}`
  return `IPv${family} ${row.from} to ${row.to} ${protocol}/${port} (${row.name}): ${outcome}${found}`
}
