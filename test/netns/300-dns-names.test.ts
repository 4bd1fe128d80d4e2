/**
 * Names of containers, asked for with real packets by the resolvers people have.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { createLab } from '../../netns-fixtures/lab.ts'
import { repository } from '../../netns-fixtures/place.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { askedUpstream, dig, layNameYard } from './nameyard.ts'
import { leavesNothing } from './traceless.ts'

needs('root', 'ip', 'veth', 'bridge', 'ipv6', 'built', 'busybox', 'dig', 'dnsmasq', 'musl')

describe('a container', () => {
  it('is found by name, alias, host name, short id, network and domain, in both families, and leaves nothing', async () => {
    await using lab = await createLab()
    const { host, outside, container } = await layNameYard(lab)
    await leavesNothing(host, async () => {
      await host.tsnet('network', 'create', 'shop', '--subnet', '10.90.0.0/24', '--subnet', 'fd00:90::/64')
      const id = '0123456789abcdef0123456789abcdef'
      await container(
        '--network',
        'shop:alias=Front,alias=front.door',
        '--id',
        id,
        '--container-name',
        'web',
        '--hostname',
        'webhost',
        '-p',
        '8080:80',
      )
      const db = await container('--network', 'shop', '--id', 'db', '--container-name', 'Database')
      expect(db.told.resolver).toMatchObject({
        servers: ['10.90.0.1', 'fd00:90::1'],
        search: ['corp.test'],
        options: ['ndots:0'],
      })
      const ask = (...words: string[]): Promise<string> => dig(db.box, `@${db.server}`, ...words)
      const found = 'NOERROR, A 10.90.0.2'
      const spellings = [
        'web',
        'WEB',
        'front',
        'front.door',
        'webhost',
        '0123456789ab',
        'web.shop',
        'Web.Shop.',
        'web.tsnet.internal',
        'web.shop.tsnet.internal',
      ]
      for (const name of spellings) expect([name, await ask(name)]).toEqual([name, found])
      expect(await ask('web', 'AAAA')).toBe('NOERROR, AAAA fd00:90::2')
      expect(await ask('+tcp', 'web')).toBe(found)
      expect(await dig(db.box, '@fd00:90::1', 'web')).toBe(found)
      expect(await ask('-x', '10.90.0.2')).toBe('NOERROR, PTR web.shop.')
      expect(await ask('-x', 'fd00:90::3')).toBe('NOERROR, PTR Database.shop.')
      expect(await ask('database')).toBe('NOERROR, A 10.90.0.3')
      // Services of published ports, at the port the others reach.
      expect(await ask('_http._tcp.web', 'SRV')).toBe('NOERROR, SRV 0 0 80 web.shop.')
      expect(await ask('_80._tcp.web.shop', 'SRV')).toBe('NOERROR, SRV 0 0 80 web.shop.')
      // There, but not of that type; not there.
      for (const type of ['MX', 'TXT', 'SRV', 'HTTPS', 'NS', 'CAA'])
        expect([type, await ask('web', type)]).toEqual([type, 'NOERROR'])
      for (const name of ['nosuch.shop', 'nosuch.tsnet.internal', 'a.b.tsnet.internal']) {
        expect([name, await ask(name)]).toEqual([name, 'NXDOMAIN'])
      }
      expect(await ask('-x', '10.90.0.77')).toBe('NXDOMAIN')
      expect(await askedUpstream(outside)).toBe('')
      const { stdout } = await db.box.sh(
        `dig @${db.server} +noall +question +answer wEb; dig @${db.server} +noall +authority web MX`,
      )
      expect(stdout.replaceAll(/[ \t]+/g, ' ')).toBe(
        ';wEb. IN A\nwEb. 0 IN A 10.90.0.2\nweb. 0 IN SOA tsnet.internal. hostmaster.tsnet.internal. 1 3600 600 86400 0\n',
      )
      await host.tsnet('teardown', 'web')
      expect(await ask('web')).toBe('NXDOMAIN')
      expect(await ask('database')).toBe('NOERROR, A 10.90.0.3')
      await host.tsnet('teardown', 'db')
      await host.tsnet('network', 'rm', 'shop')
    })
  })

  it('is found by glibc, musl, host and Node, each in its own way', async () => {
    await using lab = await createLab()
    const { host, container } = await layNameYard(lab)
    await container('--container-name', 'web')
    const { box, told } = await container('--container-name', 'asker')
    const four = '10.89.0.2'
    const six = (await host.tsnetJson<typeof told>('inspect', 'web')).attachments[0]?.addresses[1]?.split(
      '/',
    )[0]
    await host.sh(
      `mkdir -p /run/x && printf '${told.resolver.servers.map((server) => `nameserver ${server}\\n`).join('')}' > /run/x/resolv.conf`,
    )
    const source = `${repository}test/netns/agents/resolve.c`
    await host.sh(`gcc -o /run/x/glibc ${source} && musl-gcc -o /run/x/musl ${source}`)
    const inside = async (script: string): Promise<string[]> => {
      const line = `mount --bind /run/x/resolv.conf /etc/resolv.conf && ${script}`
      const { stdout } = await box.run(['unshare', '-m', 'sh', '-c', line], { expectExit: 'any' })
      return stdout.trim().split('\n').sort()
    }
    expect(await inside('/run/x/glibc web')).toEqual([four, six].sort())
    expect(await inside('/run/x/musl web')).toEqual([four, six].sort())
    expect(await inside('/run/x/musl nosuch.tsnet')).toEqual(['Name does not resolve'])
    expect(await inside('getent ahostsv4 web | cut -d" " -f1 | sort -u')).toEqual([four])
    expect(await inside(`getent hosts ${four}`)).toEqual([expect.stringContaining('web.tsnet')])
    expect(await inside('host web')).toEqual([`web has IPv6 address ${six}`, `web has address ${four}`])
    expect(await inside(`host ${four}`)).toEqual([`2.0.89.10.in-addr.arpa domain name pointer web.tsnet.`])
    const node =
      "const d=require('dns').promises;Promise.all([d.lookup('web',{family:4}),d.resolve4('web'),d.reverse(process.argv[1])]).then(r=>console.log(JSON.stringify(r)))"
    expect(await inside(`${process.execPath} -e "${node}" ${four}`)).toEqual([
      JSON.stringify([{ address: four, family: 4 }, [four], ['web.tsnet']]),
    ])
    await host.tsnet('teardown', 'web')
    await host.tsnet('teardown', 'asker')
  })

  it('of one family is found with every option resolvers know, and nobody takes the missing family for a missing name', async () => {
    await using lab = await createLab()
    const { host, outside, container } = await layNameYard(lab)
    await host.tsnet('network', 'create', 'four', '--subnet', '10.90.0.0/24')
    await container('--network', 'four', '--container-name', 'web', '-p', '8080:80')
    const { box } = await container('--network', 'four', '--container-name', 'asker')
    const source = `${repository}test/netns/agents/resolve.c`
    await host.sh(`gcc -o /run/glibc ${source} && musl-gcc -o /run/musl ${source}`)
    const options = [
      ...['ndots:0', 'ndots:1', 'ndots:2', 'ndots:5', 'use-vc', 'single-request', 'single-request-reopen'],
      ...['rotate', 'edns0', 'trust-ad', 'no-aaaa', 'edns0 use-vc rotate ndots:3'],
    ]
    await host.sh('cat > /run/each', {
      stdin: `touch /run/r; mount --bind /run/r /etc/resolv.conf
        while read -r options; do
          printf 'nameserver 10.90.0.1\\nsearch four tsnet.internal\\noptions %s\\n' "$options" > /run/r
          for libc in glibc musl; do
            for name in web web.four WEB.tsnet.internal; do echo "$options, $libc, $name: $(/run/$libc $name)"; done
          done
        done\n`,
    })
    const { stdout } = await box.run(['unshare', '-m', 'sh', '-e', '/run/each'], {
      stdin: `${options.join('\n')}\n`,
      timeoutMs: 60_000,
    })
    const expected = options.flatMap((each) =>
      ['glibc', 'musl'].flatMap((libc) =>
        ['web', 'web.four', 'WEB.tsnet.internal'].map((name) => `${each}, ${libc}, ${name}: 10.90.0.2`),
      ),
    )
    expect(stdout.trim().split('\n')).toEqual(expected)
    const inside = async (script: string): Promise<string> => {
      const line = `printf 'nameserver 10.90.0.1\\n' > /run/r; mount --bind /run/r /etc/resolv.conf; ${script}`
      return (await box.run(['unshare', '-m', 'sh', '-ec', line])).stdout
    }
    expect(await inside('host web')).toBe('web has address 10.90.0.2\n')
    expect(await inside('busybox nslookup web | tail -n +3')).toMatch(
      /^Name:\tweb\nAddress(?: 1)?: 10\.90\.0\.2\n/m,
    )
    expect(await inside('busybox ping -c 1 -W 2 web | head -1')).toBe('PING web (10.90.0.2): 56 data bytes\n')
    const node = `
      const d = require('dns').promises
      const said = (e) => e.code
      Promise.all([d.lookup('web', { all: true }), d.resolve4('web'), d.resolve6('web').catch(said), d.resolveMx('web').catch(said),
        d.resolve4('nosuch.four').catch(said), d.resolveSrv('_http._tcp.web'), d.reverse('10.90.0.2')]).then((all) => console.log(JSON.stringify(all)))`
    await host.sh('cat > /run/node.cjs', { stdin: node })
    expect(JSON.parse(await inside(`${process.execPath} /run/node.cjs`))).toEqual([
      [{ address: '10.90.0.2', family: 4 }],
      ['10.90.0.2'],
      'ENODATA',
      'ENODATA',
      'ENOTFOUND',
      [{ name: 'web.four', port: 80, priority: 0, weight: 0 }],
      ['web.four'],
    ])
    expect(await askedUpstream(outside)).toBe('')
  })

  it('sees the names of its own networks and of no others, and all addresses it can reach', async () => {
    await using lab = await createLab()
    const { host, outside, container } = await layNameYard(lab)
    for (const [name, subnet] of [
      ['red', '10.91.0.0/24'],
      ['blue', '10.92.0.0/24'],
    ] as const) {
      await host.tsnet('network', 'create', name, '--subnet', subnet)
    }
    await container('--network', 'red', '--network', 'blue', '--container-name', 'both')
    await container('--network', 'red:alias=many', '--container-name', 'r')
    await container('--network', 'red:alias=many', '--container-name', 'r2')
    await container('--network', 'blue:alias=many', '--container-name', 'b')
    const onRed = await container('--network', 'red', '--container-name', 'onred')
    const onBoth = await container('--network', 'red', '--network', 'blue', '--container-name', 'onboth')
    expect(await dig(onRed.box, `@${onRed.server}`, 'both')).toBe('NOERROR, A 10.91.0.2')
    expect(await dig(onBoth.box, `@${onBoth.server}`, 'both')).toBe('NOERROR, A 10.91.0.2, A 10.92.0.2')
    expect(await dig(onBoth.box, `@${onBoth.server}`, 'both.blue')).toBe('NOERROR, A 10.92.0.2')
    expect(await dig(onBoth.box, '@10.92.0.1', 'r')).toBe('NOERROR, A 10.91.0.3')
    expect(await dig(onRed.box, `@${onRed.server}`, 'b')).toBe('NXDOMAIN')
    expect(await dig(onRed.box, `@${onRed.server}`, '-x', '10.92.0.3')).toBe('NXDOMAIN')
    expect(await dig(onRed.box, `@${onRed.server}`, 'many')).toBe('NOERROR, A 10.91.0.3, A 10.91.0.4')
    expect(await dig(onBoth.box, `@${onBoth.server}`, 'many')).toBe(
      'NOERROR, A 10.91.0.3, A 10.91.0.4, A 10.92.0.3',
    )
    // The host sees the network whose gateway it asks.
    expect(await dig(host, '@10.92.0.1', 'b')).toBe('NOERROR, A 10.92.0.3')
    expect(await dig(host, '@10.91.0.1', 'b')).toBe('NXDOMAIN')
    // Rotated: the first answer is not always the same.
    const { stdout } = await onRed.box.sh(
      `for i in 1 2 3 4; do dig +short @${onRed.server} many | head -1; done`,
    )
    expect(new Set(stdout.trim().split('\n'))).toEqual(new Set(['10.91.0.3', '10.91.0.4']))
    // Neighbours of the host are no askers of ours, however the packet got here.
    await outside.sh('ip route add 10.91.0.0/24 via 198.51.100.1')
    expect(await dig(outside, '@10.91.0.1', 'r')).toBe('REFUSED')
    // No more often than it was asked for here, but where an answer took a second.
    expect(new Set((await askedUpstream(outside)).split('\n'))).toEqual(new Set(['A b']))
  })

  it('gets answers that are cut to what it takes over UDP, and whole over TCP', {
    timeout: 300_000,
  }, async () => {
    await using lab = await createLab()
    const { container } = await layNameYard(lab)
    const asker = await container('--network', 'bridge:alias=many', '--container-name', 'n0')
    for (let i = 1; i < 45; i++)
      await container('--network', 'bridge:alias=many', '--container-name', `n${i}`)
    const flags = async (...words: string[]): Promise<string> => {
      const { stdout } = await asker.box.run([
        'dig',
        `@${asker.server}`,
        '+ignore',
        '+nocookie',
        'many',
        ...words,
      ])
      return `${/flags: ([a-z ]+);/.exec(stdout)?.[1]} ${/ANSWER: (\d+)/.exec(stdout)?.[1]} ${/rcvd: (\d+)/.exec(stdout)?.[1]}`
    }
    expect(await flags('+noedns')).toBe('qr aa tc rd ra 0 22')
    expect(await flags('+bufsize=600')).toBe('qr aa tc rd ra 0 33')
    expect(await flags('+bufsize=4096')).toBe('qr aa rd ra 45 753')
    expect(await flags('+tcp', '+noedns')).toBe('qr aa rd ra 45 742')
    const { stdout } = await asker.box.sh(`dig +short +noedns @${asker.server} many | sort -u | wc -l`)
    expect(stdout.trim()).toBe('45')
  })

  it('is never sent fragments: what is longer than the packets of its network comes over TCP', async () => {
    await using lab = await createLab()
    const { host, container } = await layNameYard(lab)
    await host.tsnet('network', 'create', 'narrow', '--subnet', '10.90.0.0/24', '-o', 'mtu=300')
    const { box, server } = await container('--network', 'narrow:alias=many', '--container-name', 'n0')
    for (let i = 1; i < 20; i++)
      await container('--network', 'narrow:alias=many', '--container-name', `n${i}`)
    const { stdout } = await box.sh(
      `dig @${server} +nocookie +ignore many | grep -o 'flags: [a-z ]*;'; dig @${server} +short many | sort -u | wc -l; dig @${server} +short n7`,
    )
    expect(stdout).toBe('flags: qr aa tc rd ra;\n20\n10.90.0.9\n')
  })
})

describe('names that cannot be', () => {
  it.each([
    ['--container-name', 'two words'],
    ['--container-name', 'a,b'],
    ['--container-name', 'x'.repeat(64)],
    ['--hostname', 'line\nfeed'],
    ['--hostname', `${'y'.repeat(64)}.test`],
    ['--network', `bridge:alias=${'z'.repeat(64)}`],
  ])('are refused at setup: %s %s', async (flag, value) => {
    await using lab = await createLab()
    const { host } = await layNameYard(lab)
    const box = await lab.container(host)
    await leavesNothing(host, async () => {
      const { exitCode, stderr } = await host.tsnet('setup', '--netns', box.netns, flag, value, {
        expectExit: 'any',
      })
      expect({ exitCode, stderr }).toMatchObject({
        exitCode: 2,
        stderr: expect.stringContaining(value.replace(/^.*=/, '').slice(0, 4).trim()),
      })
    })
  })
})
