/**
 * What is not ours: asked of others, in the right order, with everything that
 * can go wrong on the way.
 *
 * @module
 */
import { createRequire } from 'node:module'
import { describe, expect, it } from 'vitest'
import type { Host } from '../../netns-fixtures/host.ts'
import { createLab, type Lab } from '../../netns-fixtures/lab.ts'
import { repository } from '../../netns-fixtures/place.ts'
import type { Background } from '../../netns-fixtures/process.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { askedUpstream, dig, layNameYard, type Named, type NameYard, startDnsmasq } from './nameyard.ts'

needs('root', 'ip', 'veth', 'bridge', 'ipv6', 'built', 'dig', 'dnsmasq', 'dnsperf')

/** The upstream of agents/upstream.ts at another address of the outside. */
async function whimsical(outside: Host, address: string, ...mood: string[]): Promise<Background> {
  await outside.sh(`ip addr add ${address}/24 dev eth0`)
  const loader = createRequire(import.meta.url).resolve('tsx')
  const file = `${repository}test/netns/agents/upstream.ts`
  const running = outside.start([process.execPath, '--import', loader, file, address, ...mood], {
    cwd: repository,
  })
  await running.waitFor('ready')
  return running
}

const resolvConf = (host: Host, ...servers: readonly string[]): Promise<unknown> =>
  host.sh(`printf '${servers.map((server) => `nameserver ${server}\\n`).join('')}' > /etc/resolv.conf`)

/** Waits until the name server answers so, which it does once it has noticed other resolvers. */
const untilAnswered = ({ box, server }: Named, name: string, answer: string): Promise<unknown> =>
  box.sh(`until dig +time=10 @${server} ${name} | grep -q '${answer}'; do sleep 0.05; done`, {
    timeoutMs: 60_000,
  })

async function oneContainer(lab: Lab, ...flags: string[]): Promise<NameYard & Named> {
  const yard = await layNameYard(lab)
  return { ...yard, ...(await yard.container('--container-name', 'asker', ...flags)) }
}

describe('a name that is not ours', () => {
  it("is asked of the host's resolvers, kept for its TTL, and cut to what the client takes", async () => {
    await using lab = await createLab()
    const { outside, box, server } = await oneContainer(lab)
    const ask = (...words: string[]): Promise<string> => dig(box, `@${server}`, ...words)
    const askedFor = async (query: string): Promise<number> =>
      (await askedUpstream(outside)).split('\n').filter((one) => one === query).length
    expect(await ask('www.example.test')).toBe('NOERROR, A 192.0.2.80')
    const first = await askedFor('A www.example.test')
    expect(await ask('WWW.example.test')).toBe('NOERROR, A 192.0.2.80')
    expect(await ask('www.example.test', 'AAAA')).toBe('NOERROR, AAAA 2001:db8::80')
    expect(await ask('nosuch.example.test')).toBe('NXDOMAIN')
    expect(await ask('single')).toBe('NXDOMAIN')
    expect((await ask('big.example.test', 'TXT')).length).toBeGreaterThan(2400)
    const second = await askedFor('TXT big.example.test')
    const { stdout } = await box.sh(
      `dig @${server} +noedns +ignore big.example.test TXT | grep flags; dig @${server} +noall +question wWw.eXample.test`,
    )
    expect(stdout).toMatch(/^;; flags: qr tc rd ra; QUERY: 1, ANSWER: 0.*\n;wWw\.eXample\.test\./)
    // Over UDP, where it was cut, and over TCP, and once more each where a second goes by; the second client had it from the cache.
    expect(await askedFor('A www.example.test')).toBe(first)
    expect(await askedFor('TXT big.example.test')).toBe(second)
    expect(second).toBeGreaterThanOrEqual(2)
  })

  it('goes to the changed resolvers by itself, written in place or renamed over', async () => {
    await using lab = await createLab()
    const one = await oneContainer(lab)
    const { host, outside, box, server } = one
    await outside.sh('ip addr add 198.51.100.7/24 dev eth0; ip addr add 198.51.100.8/24 dev eth0')
    await startDnsmasq(outside, '198.51.100.7', ['--host-record=here.test,192.0.2.7'])
    await startDnsmasq(outside, '198.51.100.8', ['--host-record=here.test,192.0.2.8'])
    expect(await dig(box, `@${server}`, 'here.test')).toBe('NXDOMAIN')
    const soon = (address: string): Promise<unknown> => untilAnswered(one, 'here.test', address)
    await host.sh("printf 'nameserver 198.51.100.7\\n' > /etc/resolv.conf")
    await soon('192.0.2.7')
    await host.sh("printf 'nameserver 198.51.100.8\\n' > /etc/r && mv /etc/r /etc/resolv.conf")
    await soon('192.0.2.8')
    // A link into /run, as systemd-resolved has it, and its stub is bypassed.
    await host.sh(
      "mkdir -p /run/systemd/resolve && cd /run/systemd/resolve && printf 'nameserver 127.0.0.53\\n' > stub-resolv.conf && printf 'nameserver 198.51.100.7\\n' > resolv.conf && ln -sf /run/systemd/resolve/stub-resolv.conf /etc/resolv.conf",
    )
    await soon('192.0.2.7')
    await host.sh(
      "printf 'nameserver 198.51.100.8\\n' > /run/systemd/resolve/r && mv /run/systemd/resolve/r /run/systemd/resolve/resolv.conf",
    )
    await soon('192.0.2.8')
  })

  it("goes to the container's servers before the network's, and to the network's before the host's", async () => {
    await using lab = await createLab()
    const { host, outside, container } = await layNameYard(lab)
    await outside.sh('ip addr add 198.51.100.7/24 dev eth0; ip addr add 198.51.100.8/24 dev eth0')
    await startDnsmasq(outside, '198.51.100.7', ['--host-record=here.test,192.0.2.7'])
    await startDnsmasq(outside, '198.51.100.8', ['--host-record=here.test,192.0.2.8'])
    await host.tsnet(
      'network',
      'create',
      'shop',
      '-o',
      'forwarders=198.51.100.7',
      '-o',
      'domain=shop.example',
    )
    const plain = await container('--container-name', 'plain')
    const onShop = await container('--container-name', 'onshop', '--network', 'shop')
    const own = await container('--container-name', 'own', '--network', 'shop', '--dns', '198.51.100.8')
    expect(own.told.resolver.servers).toEqual(onShop.told.resolver.servers)
    expect(await dig(plain.box, `@${plain.server}`, 'here.test')).toBe('NXDOMAIN')
    expect(await dig(onShop.box, `@${onShop.server}`, 'here.test')).toBe('NOERROR, A 192.0.2.7')
    expect(await dig(own.box, `@${own.server}`, 'here.test')).toBe('NOERROR, A 192.0.2.8')
    expect(await dig(own.box, `@${own.server}`, 'onshop.shop.example')).toMatch(/^NOERROR, A /)
    expect(await dig(own.box, `@${own.server}`, 'nosuch.shop.example')).toBe('NXDOMAIN')
  })

  it('never leaves an internal network', async () => {
    await using lab = await createLab()
    const { host, outside, container } = await layNameYard(lab)
    await host.tsnet('network', 'create', 'vault', '--internal')
    const { box, server } = await container(
      '--container-name',
      'safe',
      '--network',
      'vault',
      '--dns',
      '198.51.100.2',
    )
    const mixed = await container('--container-name', 'mixed', '--network', 'vault', '--network', 'bridge')
    for (const [name, type] of [
      ['www.example.test', 'A'],
      ['example.test', 'MX'],
      ['single', 'AAAA'],
    ] as const) {
      expect(await dig(box, `@${server}`, name, type)).toBe('NXDOMAIN')
      expect(await dig(box, `@${server}`, '+tcp', name, type)).toBe('NXDOMAIN')
    }
    expect(await dig(box, `@${server}`, '-x', '192.0.2.80')).toBe('NXDOMAIN')
    expect(await dig(box, `@${server}`, 'mixed')).toMatch(/^NOERROR, A /)
    expect(await askedUpstream(outside)).toBe('')
    // Who has a way out as well may ask on either side.
    expect(await dig(mixed.box, `@${server}`, 'www.example.test')).toBe('NOERROR, A 192.0.2.80')
  })
})

describe('other servers', () => {
  it('that are silent, refuse, are late, cut or old do not keep the client from its answer', async () => {
    await using lab = await createLab()
    const one = await oneContainer(lab)
    const { host, outside, box, server } = one
    const first = await whimsical(outside, '198.51.100.11')
    await whimsical(outside, '198.51.100.12', 'silent')
    await outside.sh('ip addr add 198.51.100.13/24 dev eth0')
    await startDnsmasq(outside, '198.51.100.13', ['--address=/test/192.0.2.99'])
    const ask = async (...words: string[]): Promise<string> => dig(box, `@${server}`, ...words)
    // One silent, one where nobody listens, one that answers.
    await resolvConf(host, '198.51.100.12', '198.51.100.200', '198.51.100.13')
    await untilAnswered(one, 'three.test', '192.0.2.99')
    expect(await ask('one.test')).toBe('NOERROR, A 192.0.2.99')
    // A refusal, or a failure: the next one is asked.
    await resolvConf(host, '198.51.100.11', '198.51.100.13')
    await untilAnswered(one, 'two.test', '192.0.2.1$')
    expect(await ask('refused.test')).toBe('NOERROR, A 192.0.2.99')
    expect(await ask('servfail.test')).toBe('NOERROR, A 192.0.2.99')
    // Late: the other is faster.
    expect(await ask('slow.test')).toBe('NOERROR, A 192.0.2.99')
    await resolvConf(host, '198.51.100.11')
    await untilAnswered(one, 'refused3.test', 'status: [RS]E')
    expect(await ask('late2.test')).toBe('NOERROR, A 192.0.2.1')
    expect(await ask('old.test')).toBe('NOERROR, A 192.0.2.1')
    expect((await ask('cut.test')).split(', ').length).toBe(61)
    expect(await ask('servfail2.test')).toBe('SERVFAIL')
    expect(await ask('+time=10', 'silent.test')).toBe('SERVFAIL')
    expect(first.output()).toContain('udp cut.test\ntcp cut.test\n')
    // Nobody at all: refused at once, and stale answers still go out.
    expect(await ask('brief.test')).toBe('NOERROR, A 192.0.2.1')
    await first.stop()
    await host.sh('sleep 1.2')
    expect(await ask('+time=10', 'never.test')).toBe('SERVFAIL')
    expect(await ask('brief.test')).toBe('NOERROR, A 192.0.2.1')
  })

  it('that lead back to us end in SERVFAIL, not in a loop', async () => {
    await using lab = await createLab()
    const one = await oneContainer(lab)
    const { host, server } = one
    await startDnsmasq(host, '127.0.0.1', [`--server=${server}`])
    await resolvConf(host, '127.0.0.1', server)
    await untilAnswered(one, 'round.test', 'status: SERVFAIL')
    const { stdout } = await host.sh('grep -c round.test /run/queries')
    expect(Number(stdout)).toBeLessThan(20)
  })

  it('are asked thousands of questions at a time without one lost', { timeout: 240_000 }, async () => {
    await using lab = await createLab()
    const one = await oneContainer(lab)
    const { host, outside, box, server } = one
    await whimsical(outside, '198.51.100.11')
    await resolvConf(host, '198.51.100.11')
    await untilAnswered(one, 'one.test', '192.0.2.1$')
    const flood = async (mode: 'udp' | 'tcp', names: string): Promise<string> => {
      const words = ['dnsperf', '-m', mode, '-s', server, '-d', names, '-n', '1', '-c', '20']
      const { stdout } = await box.run([...words, '-q', '3000', '-t', '20'], { timeoutMs: 60_000 })
      expect(stdout).toMatch(/Queries lost: +0 /)
      return /Response codes: +(.*)/.exec(stdout)?.[1] ?? ''
    }
    // Names nobody has asked for yet, again where the upstream, a process too, has dropped some for lack of processor.
    const codes: string[] = []
    for (const pass of ['', 'a', 'b']) {
      await host.sh(`for i in $(seq 6000); do echo "late${pass}$i.test A"; done > /run/names`)
      codes.push(await flood('udp', '/run/names'))
      if (codes.at(-1)?.startsWith('NOERROR 6000 (100')) break
    }
    expect(codes.at(-1)).toMatch(/^NOERROR 6000 \(100/)
    // All of them are kept by now.
    expect(await flood('tcp', '/run/names')).toMatch(/^NOERROR 6000 \(100/)
  })
})

describe('a TCP client', () => {
  it('that is idle, slow or sends nonsense does not hold others up, and many questions share a connection', async () => {
    await using lab = await createLab()
    const { box, server } = await oneContainer(lab)
    const script = `
      const net = require('net')
      const q = (n) => { const m = Buffer.concat([Buffer.from([n >> 8, n & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 5]), Buffer.from('asker'), Buffer.from([0, 0, 1, 0, 1])]); return Buffer.concat([Buffer.from([0, m.length]), m]) }
      const to = '${server}'
      for (let i = 0; i < 150; i++) net.connect(53, to).on('error', () => {}).write(Buffer.from([0]))
      const nonsense = net.connect(53, to); nonsense.on('error', () => {}); nonsense.write(Buffer.from([0, 3, 1, 2, 3]))
      nonsense.on('close', () => {
        const c = net.connect(53, to); let got = Buffer.alloc(0)
        c.on('data', (d) => { got = Buffer.concat([got, d]); const ids = new Set(); for (let at = 0; at + 2 <= got.length; at += 2 + got.readUInt16BE(at)) ids.add(got.readUInt16BE(at + 2)); if (ids.size === 1000) { console.log('all'); process.exit() } })
        const all = Buffer.concat(Array.from({ length: 1000 }, (_, n) => q(n)))
        // In pieces that cut messages anywhere.
        let at = 0; const step = () => { if (at >= all.length) return; c.write(all.subarray(at, at += 777)); setImmediate(step) }; step()
      })`
    const { stdout } = await box.run([process.execPath, '-e', script])
    expect(stdout).toBe('all\n')
  })
})
