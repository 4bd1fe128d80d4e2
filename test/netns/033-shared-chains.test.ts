/**
 * Published ports with iptables: in chains of 256 ports each, those of routed
 * networks in 32 chains by address, which come with the first port in them and go
 * with the last, whoever else is at it.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { printerFor } from '../../lib/firewall/printer.ts'
import type { Address } from '../../lib/model/address.ts'
import type { RulesStep } from '../../lib/plan/step.ts'
import type { Host } from '../../netns-fixtures/host.ts'
import { createLab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'
import { type RulesAgent, startRulesAgent } from './agents/rules-client.ts'
import { layStreet, leavesNothing } from './traceless.ts'

needs('root', 'ip', 'nft', 'iptables', 'iptables-nft', 'iptables-legacy', 'veth', 'bridge', 'built')

/** As the engine prints them. */
function published(port: number, count = 1): { readonly add: string; readonly remove: string } {
  const [step] = printerFor('iptables').print({
    kind: 'publish',
    owner: `c${port}/eth0`,
    bridge: 'tsnet0',
    addresses: ['10.89.0.2' as Address],
    bindings: [{ hostPort: port, containerPort: 80, count, protocol: 'tcp' }],
  })
  if (step === undefined) throw new Error('nothing is printed')
  return step
}

/** What leads to ports, without counters. */
async function ways(host: Host): Promise<readonly string[]> {
  const { stdout } = await host.sh('iptables -t nat -S')
  return stdout
    .split('\n')
    .filter((line) => line.includes('TSNET-DNAT'))
    .map((line) => line.replace(/ -m (tcp|comment)\b| --comment "?\S+"?/g, ''))
}

describe.each(['nft', 'legacy'] as const)(
  'with iptables, variant %s, a chain of published ports',
  (variant) => {
    const base = '*nat\n:TSNET-DNAT - [0:0]\nCOMMIT\n'

    it('comes with the first of them, stays for the others, goes with the last, each a process', async () => {
      await using lab = await createLab()
      const host = await lab.host('host', { iptables: variant })
      const rules = startRulesAgent(host)
      await rules.call('restore', 'iptables', base)
      const before = await snapshot(host)
      await rules.call('restore', 'iptables', published(8000).add)
      await rules.call('restore', 'iptables', published(8100).add)
      expect(await ways(host)).toEqual([
        '-N TSNET-DNAT',
        '-N TSNET-DNAT-TCP-7936',
        '-A TSNET-DNAT -p tcp --dport 7936:8191 -j TSNET-DNAT-TCP-7936',
        '-A TSNET-DNAT-TCP-7936 -p tcp --dport 8000 -j DNAT --to-destination 10.89.0.2:80',
        '-A TSNET-DNAT-TCP-7936 -p tcp --dport 8100 -j DNAT --to-destination 10.89.0.2:80',
      ])
      expect(await rules.call('missingRules', 'iptables', published(8000).add)).toBe(false)
      await rules.call('revertRestore', 'iptables', published(8000).remove)
      expect(await ways(host)).toEqual([
        '-N TSNET-DNAT',
        '-N TSNET-DNAT-TCP-7936',
        '-A TSNET-DNAT -p tcp --dport 7936:8191 -j TSNET-DNAT-TCP-7936',
        '-A TSNET-DNAT-TCP-7936 -p tcp --dport 8100 -j DNAT --to-destination 10.89.0.2:80',
      ])
      await rules.call('revertRestore', 'iptables', published(8100).remove)
      expect(snapshotDifference(before, await snapshot(host))).toEqual([])
      // The base, four changes and one look.
      expect(await rules.call('spawnCount')).toBe(6)
    })

    it('is taken back again and again, with all that others have cut off of it', async () => {
      await using lab = await createLab()
      const host = await lab.host('host', { iptables: variant })
      const rules = startRulesAgent(host)
      await rules.call('restore', 'iptables', base)
      const before = await snapshot(host)
      const whole = printerFor('iptables').print({
        kind: 'publish',
        owner: 'box/eth0',
        bridge: 'tsnet0',
        addresses: ['10.89.0.2' as Address],
        bindings: [80, 300, 600].map((port) => ({
          hostPort: port,
          containerPort: 80,
          count: 1,
          protocol: 'tcp' as const,
        })),
      })
      const remove = whole[0]?.remove ?? ''
      for (const damage of [
        'true',
        'iptables -t nat -F TSNET-DNAT',
        'iptables -t nat -F TSNET-DNAT-TCP-256',
        'iptables -t nat -F; iptables -t nat -X TSNET-DNAT-TCP-512',
      ]) {
        await rules.call('restore', 'iptables', whole[0]?.add)
        await host.sh(damage)
        await rules.call('revertRestore', 'iptables', remove)
        expect(snapshotDifference(before, await snapshot(host))).toEqual([])
        await rules.call('revertRestore', 'iptables', remove)
        expect(snapshotDifference(before, await snapshot(host))).toEqual([])
      }
      // A port of somebody else in the second: it stays, the third goes all the same.
      await rules.call('restore', 'iptables', published(301).add)
      const beside = await snapshot(host)
      await rules.call('restore', 'iptables', whole[0]?.add)
      await rules.call('revertRestore', 'iptables', remove)
      expect(snapshotDifference(beside, await snapshot(host))).toEqual([])
    })

    it('is made and removed by five processes at once, which lose no port, lead to it once and leave none', async () => {
      await using lab = await createLab()
      const host = await lab.host('host', { iptables: variant })
      const agents = Array.from({ length: 5 }, () => startRulesAgent(host))
      await agents[0]?.call('restore', 'iptables', base)
      // While a program reads them, others are done: its ruleset is an old one when it commits.
      const foreign = Array.from({ length: 1500 }, (_, port) => `-A FOREIGN -p tcp --dport ${port} -j ACCEPT`)
      const text = ['*nat', ':FOREIGN - [0:0]', ...foreign, 'COMMIT', ''].join('\n')
      await host.run(['iptables-restore', '--noflush'], { stdin: text })
      const before = await snapshot(host)
      const ports = agents.map((_, nth) => published(8000 + nth))
      const all = (way: 'add' | 'remove'): Promise<unknown> => {
        const call = way === 'add' ? 'restore' : 'revertRestore'
        return Promise.all(agents.map((rules, nth) => rules.call(call, 'iptables', ports[nth]?.[way])))
      }
      for (let round = 0; round < 15; round++) {
        await all('add')
        expect([...(await ways(host))].sort()).toEqual([
          '-A TSNET-DNAT -p tcp --dport 7936:8191 -j TSNET-DNAT-TCP-7936',
          ...ports.map(
            (_, nth) =>
              `-A TSNET-DNAT-TCP-7936 -p tcp --dport ${8000 + nth} -j DNAT --to-destination 10.89.0.2:80`,
          ),
          '-N TSNET-DNAT',
          '-N TSNET-DNAT-TCP-7936',
        ])
        await all('remove')
      }
      expect(snapshotDifference(before, await snapshot(host))).toEqual([])
    })
  },
)

it('with iptables-nft, whoever makes a chain of published ports waits for his turn, whoever fills or removes it does not', async () => {
  await using lab = await createLab()
  const host = await lab.host('host', { iptables: 'nft' })
  const rules = startRulesAgent(host)
  await rules.call('restore', 'iptables', '*nat\n:TSNET-DNAT - [0:0]\nCOMMIT\n')
  await rules.call('restore', 'iptables', published(8000).add)
  const holder = host.start(['flock', '/proc/self/ns/net', 'sh', '-c', 'echo held; read line'])
  await holder.waitFor(/held/)
  await rules.call('restore', 'iptables', published(8001).add)
  await rules.call('revertRestore', 'iptables', published(8000).remove)
  await rules.call('revertRestore', 'iptables', published(8001).remove)
  expect(await ways(host)).toEqual(['-N TSNET-DNAT'])
  let isMade = false
  const making = rules.call('restore', 'iptables', published(8000).add).then(() => {
    isMade = true
  })
  // As long as many programs take, and far less than the half minute anybody waits for a turn.
  for (
    const end = Date.now() + 5000, looks = { left: 20 };
    looks.left > 0 && Date.now() < end;
    looks.left--
  ) {
    expect(await ways(host)).toEqual(['-N TSNET-DNAT'])
  }
  expect(isMade).toBe(false)
  holder.write('go\n')
  await making
  expect(await ways(host)).toEqual([
    '-N TSNET-DNAT',
    '-N TSNET-DNAT-TCP-7936',
    '-A TSNET-DNAT -p tcp --dport 7936:8191 -j TSNET-DNAT-TCP-7936',
    '-A TSNET-DNAT-TCP-7936 -p tcp --dport 8000 -j DNAT --to-destination 10.89.0.2:80',
  ])
})

/** In both families, as the engine prints it for a network with gateway mode routed. */
function open(last: number, ...ports: readonly number[]): readonly RulesStep[] {
  return printerFor('iptables').print({
    kind: 'publish',
    owner: `c${last}/eth0`,
    bridge: 'tsnet0',
    addresses: [`10.89.0.${last}`, `fd89::${last.toString(16)}`] as Address[],
    bindings: ports.map((port) => ({ hostPort: port, containerPort: port, count: 1, protocol: 'tcp' })),
    routed: [4, 6],
  }) as readonly RulesStep[]
}

describe.each(['nft', 'legacy'] as const)(
  'with iptables, variant %s, a chain of ports that are open in a routed network',
  (variant) => {
    it('is shared by those whose addresses end alike, and goes with the last, two at once', async () => {
      await using lab = await createLab()
      const host = await lab.host('host', { iptables: variant })
      const [rules, other] = [startRulesAgent(host), startRulesAgent(host)]
      const tools = ['iptables', 'ip6tables'] as const
      const make = '*filter\n:TSNET-IN-tsnet0 - [0:0]\n-A TSNET-IN-tsnet0 -j DROP\nCOMMIT\n'
      for (const tool of tools) await rules.call('restore', tool, make)
      const before = await snapshot(host)
      const all = async (agent: RulesAgent, way: 'add' | 'remove', steps: readonly RulesStep[]) => {
        for (const { tool, ...texts } of steps)
          await agent.call(way === 'add' ? 'restore' : 'revertRestore', tool, texts[way])
      }
      const chains = async (): Promise<readonly (readonly string[])[]> =>
        Promise.all(
          tools.map(async (tool) =>
            (await host.sh(`${tool} -S`)).stdout
              .split('\n')
              .filter((line) => line.includes('TSNET-'))
              .map((line) => line.replace(/ -m (tcp|comment|conntrack)\b| --comment "?\S+"?/g, '')),
          ),
        )
      await all(rules, 'add', open(2, 80))
      await all(rules, 'add', open(34, 80, 443))
      await all(rules, 'add', open(3, 80))
      const news = '! --ctstate RELATED,ESTABLISHED'
      expect(await chains()).toEqual([
        [
          ...['-N TSNET-IN-tsnet0', '-N TSNET-TO-02-tsnet0', '-N TSNET-TO-03-tsnet0'],
          `-A TSNET-IN-tsnet0 -d 0.0.0.3/0.0.0.31 ${news} -j TSNET-TO-03-tsnet0`,
          `-A TSNET-IN-tsnet0 -d 0.0.0.2/0.0.0.31 ${news} -j TSNET-TO-02-tsnet0`,
          '-A TSNET-IN-tsnet0 -j DROP',
          '-A TSNET-TO-02-tsnet0 -d 10.89.0.2/32 -p tcp --dport 80 -j ACCEPT',
          '-A TSNET-TO-02-tsnet0 -d 10.89.0.34/32 -p tcp --dport 80 -j ACCEPT',
          '-A TSNET-TO-02-tsnet0 -d 10.89.0.34/32 -p tcp --dport 443 -j ACCEPT',
          '-A TSNET-TO-03-tsnet0 -d 10.89.0.3/32 -p tcp --dport 80 -j ACCEPT',
        ],
        [
          ...['-N TSNET-IN-tsnet0', '-N TSNET-TO-02-tsnet0', '-N TSNET-TO-03-tsnet0'],
          `-A TSNET-IN-tsnet0 -d ::3/::1f ${news} -j TSNET-TO-03-tsnet0`,
          `-A TSNET-IN-tsnet0 -d ::2/::1f ${news} -j TSNET-TO-02-tsnet0`,
          '-A TSNET-IN-tsnet0 -j DROP',
          '-A TSNET-TO-02-tsnet0 -d fd89::2/128 -p tcp --dport 80 -j ACCEPT',
          '-A TSNET-TO-02-tsnet0 -d fd89::22/128 -p tcp --dport 80 -j ACCEPT',
          '-A TSNET-TO-02-tsnet0 -d fd89::22/128 -p tcp --dport 443 -j ACCEPT',
          '-A TSNET-TO-03-tsnet0 -d fd89::3/128 -p tcp --dport 80 -j ACCEPT',
        ],
      ])
      for (const { tool, add } of open(34, 80, 443))
        expect(await rules.call('missingRules', tool, add)).toBe(false)
      await all(rules, 'remove', open(3, 80))
      await Promise.all([all(rules, 'remove', open(2, 80)), all(other, 'remove', open(34, 80, 443))])
      expect(snapshotDifference(before, await snapshot(host))).toEqual([])
    })
  },
)

describe('with iptables, ports of a network with gateway mode routed', () => {
  it('are open, told, mended and taken back in any order', async () => {
    await using lab = await createLab()
    const { host, outside } = await layStreet(lab, { iptables: 'nft' })
    await outside.sh('ip route add 10.77.0.0/24 via 198.51.100.1')
    await leavesNothing(host, async () => {
      const env = { TSNET_FIREWALL: 'iptables' }
      const boxes = [await lab.container(host), await lab.container(host), await lab.container(host)]
      const mode = ['--subnet', '10.77.0.0/24', '-o', 'gateway-mode-ipv4=routed']
      await host.tsnet('network', 'create', 'net', ...mode, { env })
      for (const [nth, box] of boxes.entries()) {
        const words = ['--netns', box.netns, '--network', 'net', '--ip', `10.77.0.${[2, 34, 3][nth]}`]
        const ports = ['-p', `808${nth}:80`, '-p', `809${nth}:81`]
        await host.tsnet('setup', ...words, '--id', `box${nth}`, ...ports, { env })
        await box.serve.tcp(80)
      }
      const reached = () => Promise.all([2, 34, 3].map((last) => outside.probe.tcp(`10.77.0.${last}`, 80)))
      expect(await reached()).toEqual(['reached', 'reached', 'reached'])
      const { stdout: told } = await host.tsnet('rules', 'box1')
      expect(told.match(/\S.*? 10\.77\.0\.34 .*/g)?.map((line) => line.replace(/^.*? B {2}/, ''))).toEqual(
        [80, 81].map(
          (port) => `new TCP connections to 10.77.0.34 port ${port}, out by ts-net-a08a0: let through`,
        ),
      )
      await host.sh('iptables -F; iptables -X $(iptables -S | sed -n "s/^-N \\(TSNET-TO-02-.*\\)/\\1/p")')
      expect((await host.tsnet('firewall', 'reload')).stdout).toMatch(/^put back/)
      expect(await reached()).toEqual(['reached', 'reached', 'reached'])
      expect((await host.tsnet('check')).stdout).toContain('ok')
      await host.tsnet('publish', 'rm', 'box1', '8091:81')
      expect(await reached()).toEqual(['reached', 'reached', 'reached'])
      expect((await host.tsnet('check')).stdout).toContain('ok')
      await Promise.all([0, 1].map((nth) => host.tsnet('teardown', `box${nth}`)))
      await host.tsnet('teardown', 'box2')
      await host.tsnet('network', 'rm', 'net')
    })
  })
})

/** Rules of TSNET-DNAT and of the chains below it that are asked for a new connection to a port, one after the other. */
function walked(saved: string, port: number): readonly string[] {
  const rules = saved.split('\n').filter((line) => line.startsWith('-A TSNET-DNAT'))
  const asked: string[] = []
  const walk = (chain: string): boolean => {
    for (const rule of rules.filter((line) => line.startsWith(`-A ${chain} `))) {
      asked.push(rule)
      const [, first, last = first] = / --dport (\d+)(?::(\d+))? /.exec(rule) ?? []
      if (port < Number(first) || port > Number(last)) continue
      const [, to = ''] = / -j (\S+)/.exec(rule) ?? []
      if (to === 'DNAT' || walk(to)) return true
    }
    return false
  }
  return walk('TSNET-DNAT') ? asked : []
}

const slow = { timeoutMs: 60_000 }

describe('with iptables, a new connection', () => {
  it('to the last of 1,200 published ports asks for a tenth of them, and nothing is left of any', {
    timeout: 300_000,
  }, async () => {
    await using lab = await createLab()
    const { host, outside } = await layStreet(lab, { iptables: 'nft' })
    await leavesNothing(host, async () => {
      const boxes = [await lab.container(host), await lab.container(host), await lab.container(host)]
      for (const [nth, box] of boxes.entries()) {
        const ports = Array.from({ length: 400 }, (_, i) => ['-p', `${10_000 + nth * 400 + i}:${i + 1}`])
        const words = ['--netns', box.netns, '--firewall', 'iptables', '--id', `box${nth}`, ...ports.flat()]
        await host.tsnet('setup', ...words, slow)
      }
      const { stdout: saved } = await host.sh('iptables-save -t nat')
      expect(saved.match(/ -j DNAT /g)).toHaveLength(1200)
      expect(walked(saved, 11_199)).toEqual([
        ...[9984, 10_240, 10_496, 10_752, 11_008].map(
          (first) =>
            `-A TSNET-DNAT -p tcp -m tcp --dport ${first}:${first + 255} -m comment --comment "tsnet:base" -j TSNET-DNAT-TCP-${first}`,
        ),
        ...Array.from(
          { length: 192 },
          (_, i) =>
            `-A TSNET-DNAT-TCP-11008 -p tcp -m tcp --dport ${11_008 + i} -m comment --comment "tsnet:box2/eth0" -j DNAT --to-destination 10.89.0.4:${209 + i}`,
        ),
      ])
      await boxes[2]?.serve.tcp(400)
      expect(await outside.probe.tcp('198.51.100.1', 11_199)).toBe('reached')
      // What is flushed comes back, chains and all; and one who is gone leaves those of the others alone.
      await host.sh('iptables -t nat -F; iptables -t nat -X')
      expect((await host.tsnet('firewall', 'reload', slow)).stdout).toMatch(/^put back/)
      expect((await host.sh('iptables-save -t nat')).stdout.match(/ -j DNAT /g)).toHaveLength(1200)
      await host.tsnet('teardown', 'box1', slow)
      expect(await outside.probe.tcp('198.51.100.1', 11_199)).toBe('reached')
      expect((await host.tsnet('check', slow)).stdout).toContain('ok')
      await host.tsnet('teardown', 'box0', slow)
      await host.tsnet('teardown', 'box2', slow)
    })
  })
})

/** The record and the rules of a container as tsnet made them before there were such chains. */
async function asBefore(host: Host, id: string): Promise<void> {
  const file = `/run/tsnet/containers/${id}.json`
  const record = JSON.parse((await host.sh(`cat ${file}`)).stdout) as {
    steps: { step: { kind: string; tool: string; add: string; remove: string } }[]
  }
  const linear = (text: string): string =>
    text
      .split('\n')
      .filter((line) => !/^-[NX] TSNET-DNAT-|-j TSNET-DNAT-/.test(line))
      .join('\n')
      .replace(/^(-[AD]) TSNET-DNAT-\S+/gm, '$1 TSNET-DNAT')
  for (const { step } of record.steps) {
    if (step.kind !== 'rules' || !step.add.includes('TSNET-DNAT-')) continue
    await host.run([`${step.tool}-restore`, '--noflush'], {
      stdin: `*nat\n${step.remove
        .split('\n')
        .filter((line) => line.startsWith('-'))
        .join('\n')}\nCOMMIT\n`,
    })
    step.add = linear(step.add)
    step.remove = linear(step.remove)
    await host.run([`${step.tool}-restore`, '--noflush'], { stdin: step.add })
  }
  await host.run(['sh', '-c', `cat > ${file}`], { stdin: JSON.stringify(record) })
}

describe('with iptables, a container of a tsnet before there were such chains', () => {
  it('keeps its ports, gives up some of them, and leaves nothing', async () => {
    await using lab = await createLab()
    const { host, outside } = await layStreet(lab, { iptables: 'nft' })
    await leavesNothing(host, async () => {
      const [old, young] = [await lab.container(host), await lab.container(host)]
      const setup = (netns: string, id: string, ...ports: string[]): readonly string[] =>
        ['setup', '--netns', netns, '--id', id, '--firewall', 'iptables'].concat(
          ports.flatMap((port) => ['-p', port]),
        )
      await host.tsnet(...setup(old.netns, 'old', '8080:80', '8081:81', '8082:82'))
      await asBefore(host, 'old')
      expect((await ways(host)).filter((line) => line.startsWith('-N'))).toEqual(['-N TSNET-DNAT'])
      await host.tsnet(...setup(young.netns, 'young', '8090:80'))
      expect((await host.tsnet('check')).stdout).toContain('ok')
      for (const port of [80, 82]) await old.serve.tcp(port)
      const open = (port: number) => outside.probe.tcp('198.51.100.1', port)
      expect([await open(8080), await open(8082)]).toEqual(['reached', 'reached'])
      await host.tsnet('publish', 'rm', 'old', '8080:80')
      expect([await open(8080), await open(8082)]).toEqual(['refused', 'reached'])
      expect((await host.tsnet('check')).stdout).toContain('ok')
      await host.tsnet('teardown', 'old')
      expect(await ways(host)).toEqual([
        '-N TSNET-DNAT',
        '-N TSNET-DNAT-TCP-7936',
        '-A PREROUTING -m addrtype --dst-type LOCAL -j TSNET-DNAT',
        '-A OUTPUT -m addrtype --dst-type LOCAL -j TSNET-DNAT',
        '-A TSNET-DNAT -p tcp --dport 7936:8191 -j TSNET-DNAT-TCP-7936',
        '-A TSNET-DNAT-TCP-7936 -p tcp --dport 8090 -j DNAT --to-destination 10.89.0.3:80',
      ])
      await host.tsnet('teardown', 'young')
    })
  })
})
