/**
 * Names on CNI networks: the plugin `dns` in a chain, and `tsnet` with `names`,
 * asked by real resolvers over the wire.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { createLab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'
import { addChain, box, type Conf, checkChain, cni, delChain, usualList } from './cni.ts'
import { dig, startDnsmasq } from './nameyard.ts'

needs('root', 'ip', 'iptables', 'veth', 'bridge', 'ipv6', 'dig', 'dnsmasq', 'cni-plugins')

const common = { cniVersion: '1.0.0', name: 'n1' }
const namesConf: Conf = { ...common, type: 'dns', domain: 'shop.example' }
const chain = (aliases: unknown, more: Conf = {}): Conf[] => [
  ...usualList({ subnets: ['10.22.0.0/24', 'fd00:22::/64'] }),
  { ...namesConf, ...more, runtimeConfig: { aliases } },
]
const single = (aliases: unknown): Conf[] => [
  {
    cniVersion: '1.1.0',
    name: 'n1',
    type: 'tsnet',
    names: true,
    domain: 'shop.example',
    ipam: { subnets: ['10.22.0.0/24', 'fd00:22::/64'] },
    runtimeConfig: { aliases },
  },
]
const pod = 'IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=db-0'

describe.each<[string, (aliases: unknown) => Conf[]]>([
  ['the chain with dns', chain],
  ['the single plugin with names', single],
])('%s', (_, listWith) => {
  it('answers containers each other’s names, aliases and pods, over both families, and nothing after DEL', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const [web, db] = [await box(host), await box(host)]
    const first = await addChain(host, listWith(['www', 'shop']), { id: 'web', netns: web.netns })
    const before = await snapshot(host)
    const list = listWith({ n1: ['db'], other: ['never'] })
    const call = { id: '0123456789abcdef', netns: db.netns, args: pod }
    const added = await addChain(host, list, call)
    expect(first.dns).toMatchObject({ nameservers: ['10.22.0.1', 'fd00:22::1'] })

    const ask = (name: string, ...words: string[]): Promise<string> => dig(web, '@10.22.0.1', name, ...words)
    for (const name of ['db', 'db-0', '0123456789ab', 'db.n1', 'db.tsnet.internal', 'db.shop.example'])
      expect(await ask(name)).toBe('NOERROR, A 10.22.0.3')
    expect(await ask('db', 'AAAA')).toBe('NOERROR, AAAA fd00:22::3')
    expect(await ask('never')).not.toContain(' A ')
    expect(await dig(db, '@fd00:22::1', 'shop')).toBe('NOERROR, A 10.22.0.2')
    await db.serve.tcp(80)
    expect(await web.probe.tcp('10.22.0.3', 80)).toBe('reached')

    expect(await checkChain(host, list, { ...call, prevResult: added })).toEqual([])
    expect((await host.tsnet('ls')).stdout).toContain('10.22.0.3')
    expect(JSON.parse((await host.tsnet('inspect', call.id, '--json')).stdout)).toMatchObject({
      attachments: [{ ifname: 'eth0', aliases: expect.arrayContaining(['db']) }],
    })
    expect((await host.tsnet('dns', 'ls')).stdout).toContain('db')

    expect(await delChain(host, list, { ...call, prevResult: added })).toEqual([])
    expect(await ask('db')).not.toContain('10.22.0.3')
    expect(await ask('www')).toBe('NOERROR, A 10.22.0.2')
    const moving = { except: [/last_reserved_ip/, /\.last[46]/, /fe80::/] }
    expect(snapshotDifference(before, await snapshot(host), moving)).toEqual([])
  })
})

describe('dns', () => {
  it('asks the servers of the result before it, or forwarders, for everything else', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const outside = await lab.host('outside')
    await lab.wire(host, outside, '198.51.100.0/24')
    await outside.sh('ip addr add 198.51.100.3/32 dev lo')
    for (const [address, answer] of [
      ['198.51.100.2', '192.0.2.2'],
      ['198.51.100.3', '192.0.2.3'],
    ] as const) {
      await startDnsmasq(outside, address, [`--host-record=www.example.test,${answer}`])
    }
    await host.sh(
      "printf 'nameserver 198.51.100.2\\n' > /run/resolv; printf 'nameserver 198.51.100.2\\n' > /etc/resolv.conf",
    )
    const asked: string[] = []
    for (const [id, list] of [
      ['plain', chain([])],
      ['forwarders', chain([], { forwarders: ['198.51.100.3'] })],
    ] as const) {
      const container = await box(host)
      const call = { id, netns: container.netns }
      const result = await addChain(host, list, call)
      asked.push(await dig(container, '@10.22.0.1', 'www.example.test'))
      expect(await delChain(host, list, { ...call, prevResult: result })).toEqual([])
    }
    expect(asked).toEqual(['NOERROR, A 192.0.2.2', 'NOERROR, A 192.0.2.3'])
    const [bridge, ...rest] = chain([]) as [Conf, ...Conf[]]
    await host.sh("printf 'nameserver 198.51.100.3\\nsearch corp.test\\n' > /run/resolv")
    const told = { ...bridge, ipam: { ...(bridge['ipam'] as Conf), resolvConf: '/run/resolv' } }
    const container = await box(host)
    const result = await addChain(host, [told, ...rest], { id: 'told', netns: container.netns })
    expect(result.dns).toEqual({
      nameservers: ['10.22.0.1', 'fd00:22::1', '198.51.100.3'],
      search: ['shop.example', 'corp.test'],
    })
    expect(await dig(container, '@10.22.0.1', 'www.example.test')).toBe('NOERROR, A 192.0.2.3')
  })

  it('CHECK finds a name server that died, and the next ADD starts it with all names', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const [a, b] = [await box(host), await box(host)]
    const list = chain(['one'])
    const added = await addChain(host, list, { id: 'a', netns: a.netns })
    await host.sh("kill -KILL $(ss -lnupH 'sport = 53' | grep -o 'pid=[0-9]*' | cut -d= -f2 | sort -u)")
    const check = { id: 'a', netns: a.netns, prevResult: added }
    expect((await cni(host, 'CHECK', list.at(-1) as Conf, check)).json.msg).toBe(
      'the name server does not run',
    )
    await addChain(host, chain(['two']), { id: 'b', netns: b.netns })
    expect(await dig(b, '@10.22.0.1', 'one')).toBe('NOERROR, A 10.22.0.2')
    expect(await checkChain(host, list, check)).toEqual([])
  })

  it('refuses a network without a gateway, a name nobody can ask for, and names switched off, and leaves nothing', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const container = await box(host)
    const [bridge] = usualList() as [Conf]
    const call = { netns: container.netns }
    const bare = await cni(host, 'ADD', { ...bridge, isGateway: false }, call)
    const refused = await cni(host, 'ADD', namesConf, { ...call, prevResult: bare.json })
    expect(refused.json).toMatchObject({ code: 7, details: expect.stringContaining('isGateway') })
    expect((await cni(host, 'DEL', bridge, call)).exitCode).toBe(0)

    const { json: prevResult } = await cni(host, 'ADD', bridge, call)
    const before = await snapshot(host)
    const long = { ...namesConf, runtimeConfig: { aliases: ['x'.repeat(64)] } }
    expect((await cni(host, 'ADD', long, { ...call, prevResult })).json).toMatchObject({ code: 7 })
    await host.sh('echo \'{"dns":false}\' > /etc/tsnet/config.json')
    expect((await cni(host, 'ADD', namesConf, { ...call, prevResult })).json).toMatchObject({ code: 2 })
    expect((await cni(host, 'STATUS', { ...namesConf, cniVersion: '1.1.0' })).json).toMatchObject({
      code: 50,
    })
    await host.sh('rm /etc/tsnet/config.json')
    expect(snapshotDifference(before, await snapshot(host))).toEqual([])
    expect((await cni(host, 'STATUS', { ...namesConf, cniVersion: '1.1.0' })).stdout).toBe('')
  })

  it('GC withdraws the names of containers that are not in the list', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const [a, b] = [await box(host), await box(host)]
    await addChain(host, chain(['one']), { id: 'a', netns: a.netns })
    await addChain(host, chain(['two']), { id: 'b', netns: b.netns })
    const gc = {
      ...namesConf,
      cniVersion: '1.1.0',
      'cni.dev/valid-attachments': [{ containerID: 'b', ifname: 'eth0' }],
    }
    expect((await cni(host, 'GC', gc)).stdout).toBe('')
    expect(await dig(b, '@10.22.0.1', 'one')).not.toContain('10.22.0.2')
    expect(await dig(b, '@10.22.0.1', 'two')).toBe('NOERROR, A 10.22.0.3')
  })
})
