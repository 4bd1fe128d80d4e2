/**
 * Names on CNI networks where it is less simple: a container on two networks, a
 * firewall that drops what comes to the host, port 53 in other hands.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import type { Container, Host } from '../../netns-fixtures/host.ts'
import { createLab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'
import { addChain, box, type Conf, checkChain, cni, delChain, usualList } from './cni.ts'
import { dig, dropInput } from './nameyard.ts'

needs('root', 'ip', 'nft', 'iptables-nft', 'iptables-legacy', 'veth', 'bridge', 'ipv6', 'dig', 'socat')

interface Wish {
  readonly name?: string
  readonly octet?: number
  readonly aliases?: readonly string[]
  readonly more?: Conf
}

const subnetsOf = (octet: number): string[] => [`10.${octet}.0.0/24`, `fd00:${octet}::/64`]

function chain({ name = 'n1', octet = 22, aliases = [], more = {} }: Wish): Conf[] {
  const [bridge, portmap] = usualList({ name, subnets: subnetsOf(octet), bridge: { bridge: `br-${name}` } })
  const dns = { cniVersion: '1.0.0', name, type: 'dns', runtimeConfig: { aliases }, ...more }
  return [bridge as Conf, portmap as Conf, dns]
}

function single({ name = 'n1', octet = 22, aliases = [], more = {} }: Wish): Conf[] {
  const ipam = { subnets: subnetsOf(octet) }
  return [
    { cniVersion: '1.0.0', name, type: 'tsnet', names: true, ipam, runtimeConfig: { aliases }, ...more },
  ]
}

const ways: readonly (readonly [string, (wish: Wish) => Conf[]])[] = [
  ['the chain with dns', chain],
  ['the single plugin with names', single],
]

/** What stays for the host's sake: bridges and their forwarding, and moving marks. */
const moving = { except: [/last_reserved_ip/, /\.last[46]/, /fe80::/, /\/locks\/names/] }

/** Over both transports and both families. */
async function askEverywhere(from: Container, name: string): Promise<readonly string[]> {
  const answers = []
  for (const server of ['10.22.0.1', 'fd00:22::1'])
    for (const transport of ['+notcp', '+tcp'])
      answers.push(await dig(from, `@${server}`, transport, name, 'A'))
  return answers
}

const found = (address: string): readonly string[] => Array.from({ length: 4 }, () => `NOERROR, A ${address}`)

describe('a container on two networks', () => {
  it.each([...ways, ['one of each', (wish: Wish) => (wish.name === 'n2' ? single : chain)(wish)] as const])(
    'with %s sees the names of both, wherever it asks; who is on one of them sees that one',
    async (_, listWith) => {
      await using lab = await createLab()
      const host = await lab.host('host')
      const [both, left, right] = [await box(host), await box(host), await box(host)]
      const n1 = (aliases: string[]): Conf[] => listWith({ aliases })
      const n2 = (aliases: string[]): Conf[] => listWith({ name: 'n2', octet: 23, aliases })
      await addChain(host, n1(['left', 'twice']), { id: 'left', netns: left.netns })
      await addChain(host, n2(['right', 'twice']), { id: 'right', netns: right.netns })
      await addChain(host, n1(['me']), { id: 'both', netns: both.netns })
      expect(await dig(both, '@10.22.0.1', 'right')).not.toContain('10.23.0.2')

      const call = { id: 'both', netns: both.netns, ifname: 'eth1' }
      const added = await addChain(host, n2(['me']), call)
      for (const server of ['@10.22.0.1', '@10.23.0.1', '@fd00:22::1']) {
        expect(await dig(both, server, 'left')).toBe('NOERROR, A 10.22.0.2')
        expect(await dig(both, server, 'right')).toBe('NOERROR, A 10.23.0.2')
        expect(await dig(both, server, 'twice')).toBe('NOERROR, A 10.22.0.2, A 10.23.0.2')
        expect(await dig(both, server, 'me', 'AAAA')).toBe('NOERROR, AAAA fd00:22::3, AAAA fd00:23::3')
      }
      expect(await dig(left, '@10.22.0.1', 'me')).toBe('NOERROR, A 10.22.0.3')
      expect(await dig(right, '@10.23.0.1', 'me')).toBe('NOERROR, A 10.23.0.3')
      expect(await dig(left, '@10.22.0.1', 'right')).not.toContain('10.23')
      expect((await host.tsnet('dns', 'query', 'right', '--from', 'both')).stdout).toContain('10.23.0.2')

      expect(await delChain(host, n2(['me']), { ...call, prevResult: added })).toEqual([])
      expect(await dig(both, '@10.22.0.1', 'right')).not.toContain('10.23')
      expect(await dig(both, '@10.22.0.1', 'left')).toBe('NOERROR, A 10.22.0.2')
    },
  )
})

describe('a host that drops what comes in', () => {
  it.each(
    ways.flatMap(([way, listWith]) =>
      (['iptables-nft', 'iptables-legacy'] as const).map((tool) => [way, tool, listWith] as const),
    ),
  )('answers with %s past %s, opens nothing else, and is as it was after DEL', async (_, tool, listWith) => {
    await using lab = await createLab()
    const host = await lab.host('host')
    await dropInput(host, tool)
    const web = await box(host)
    const first = listWith({ aliases: ['web'] })
    await addChain(host, first, { id: 'web', netns: web.netns })
    const before = await snapshot(host)

    const asker = await box(host)
    const list = listWith({ aliases: ['asker'] })
    const call = { id: 'asker', netns: asker.netns }
    const prevResult = await addChain(host, list, call)
    expect(await askEverywhere(asker, 'web')).toEqual(found('10.22.0.2'))
    expect(await checkChain(host, list, { ...call, prevResult })).toEqual([])
    const listener = host.start(['socat', 'TCP4-LISTEN:5353,reuseaddr,fork', 'SYSTEM:echo open'])
    await host.sh("until ss -lnt 'sport = 5353' | grep -q :5353; do sleep 0.02; done")
    expect(await asker.probe.tcp('10.22.0.1', 5353)).not.toBe('reached')
    await listener.stop()

    expect(await delChain(host, list, { ...call, prevResult })).toEqual([])
    expect(snapshotDifference(before, await snapshot(host), moving)).toEqual([])
  })

  it('closed after ADD is found by CHECK, and mended by DEL and ADD', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const asker = await box(host)
    const list = chain({ aliases: ['me'] })
    const call = { netns: asker.netns }
    const prevResult = await addChain(host, list, call)
    await dropInput(host, 'iptables-nft')
    expect(await dig(asker, '+time=1', '@10.22.0.1', 'me')).toBe('no reply')
    const dns = list.at(-1) as Conf
    expect((await cni(host, 'CHECK', dns, { ...call, prevResult })).json.msg).toBe(
      'iptables-nft drops questions for names, and the container has no accept there',
    )
    expect((await cni(host, 'DEL', dns, { ...call, prevResult })).stdout).toBe('')
    expect((await cni(host, 'ADD', dns, { ...call, prevResult })).exitCode).toBe(0)
    expect(await dig(asker, '@10.22.0.1', 'me')).toBe('NOERROR, A 10.22.0.2')
    expect((await cni(host, 'CHECK', dns, { ...call, prevResult })).stdout).toBe('')
  })
})

describe('a name server on a port of its own', () => {
  /** Somebody who answers at port 53 of every address. */
  async function holdPort53(host: Host): Promise<void> {
    for (const listen of ['UDP6-RECVFROM:53,fork', 'TCP6-LISTEN:53,reuseaddr,fork'])
      host.start(['socat', listen, 'SYSTEM:cat'])
    await host.sh("until [ $(ss -lntuH 'sport = 53' | grep -c '*:53') = 2 ]; do sleep 0.02; done")
  }

  it.each(ways)('answers with %s what containers ask at 53, and DEL takes that away', async (_, listWith) => {
    await using lab = await createLab()
    const host = await lab.host('host')
    await holdPort53(host)
    await dropInput(host, 'iptables-nft')
    const web = await box(host)
    await addChain(host, listWith({ aliases: ['web'], more: { dnsPort: 5300 } }), {
      id: 'web',
      netns: web.netns,
    })
    const before = await snapshot(host)
    const asker = await box(host)
    const list = listWith({ more: { dnsPort: 5300 } })
    const call = { id: 'asker', netns: asker.netns }
    const prevResult = await addChain(host, list, call)
    expect(await askEverywhere(asker, 'web')).toEqual(found('10.22.0.2'))
    expect(await checkChain(host, list, { ...call, prevResult })).toEqual([])
    expect(await delChain(host, list, { ...call, prevResult })).toEqual([])
    expect(snapshotDifference(before, await snapshot(host), moving)).toEqual([])
  })

  it('is what the host’s file says where the network says nothing, also without iptables', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    await host.sh('mount --bind /dev/null /usr/sbin/xtables-nft-multi')
    await holdPort53(host)
    await host.sh('mkdir -p /etc/tsnet && echo \'{"dnsPort": 5301}\' > /etc/tsnet/config.json')
    const asker = await box(host)
    const [bridge, , dns] = chain({ aliases: ['me'] }) as [Conf, Conf, Conf]
    const list = [{ ...bridge, ipMasqBackend: 'nftables' }, dns]
    const call = { netns: asker.netns }
    const prevResult = await addChain(host, list, call)
    expect(await askEverywhere(asker, 'me')).toEqual(found('10.22.0.2'))
    expect(await checkChain(host, list, { ...call, prevResult })).toEqual([])
    await host.sh("nft delete table $(nft list tables | grep -o 'inet cni_names_.*')")
    expect(await checkChain(host, list, { ...call, prevResult })).toEqual([
      'dns: nothing leads questions for names to port 5301',
    ])
    expect(await delChain(host, list, { ...call, prevResult })).toEqual([])
    expect((await host.sh('nft list tables')).stdout).not.toContain('cni_names')
  })

  it('is offered where the port is taken, and nothing is left', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    await holdPort53(host)
    const asker = await box(host)
    const [bridge, , dns] = chain({}) as [Conf, Conf, Conf]
    const prevResult = await addChain(host, [bridge], { netns: asker.netns })
    const before = await snapshot(host)
    const { json } = await cni(host, 'ADD', dns, { netns: asker.netns, prevResult })
    expect(json).toMatchObject({
      code: 100,
      msg: expect.stringContaining('port 53: socat'),
      details: expect.stringContaining('dnsPort'),
    })
    expect(snapshotDifference(before, await snapshot(host), moving)).toEqual([])
  })
})
