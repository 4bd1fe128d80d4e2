/**
 * `tsnet dns`: what people ask, answered as containers would be.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { createLab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { askedUpstream, dig, layNameYard, startDnsmasq } from './nameyard.ts'
import { leavesNothing } from './traceless.ts'

needs('root', 'ip', 'veth', 'bridge', 'ipv6', 'built', 'dig', 'dnsmasq')

describe('tsnet dns', () => {
  it('lists, queries and explains as the container would see it', async () => {
    await using lab = await createLab()
    const { host, container } = await layNameYard(lab)
    expect((await host.tsnet('dns', 'ls')).stdout).toBe('NETWORK  NAMES  ADDRESSES\n')
    await host.tsnet('network', 'create', 'shop', '--subnet', '10.90.0.0/24')
    await container('--network', 'shop:alias=www', '--container-name', 'web', '--id', '1')
    await container('--container-name', 'lone', '--id', '2', '--dns', '198.51.100.2')
    const { stdout } = await host.tsnet('dns', 'ls')
    expect(stdout.replaceAll(/fd[0-9a-f:]+/g, 'fdxx::2')).toMatchInlineSnapshot(`
      "NETWORK  NAMES      ADDRESSES
      shop     web,1,www  10.90.0.2
      tsnet    lone,2     10.89.0.2,fdxx::2
      "
    `)
    expect((await host.tsnet('dns', 'query', 'web', '--network', 'shop')).stdout).toBe('10.90.0.2\n')
    // The host asks every network, and is none of the containers.
    expect((await host.tsnet('dns', 'query', 'lone')).stdout).toBe('10.89.0.2\n')
    expect((await host.tsnet('dns', 'query', 'web')).stdout).toBe('10.90.0.2\n')
    expect((await host.tsnet('dns', 'query', 'lone', '--network', 'bridge')).stdout).toBe('10.89.0.2\n')
    expect(await host.tsnet('dns', 'query', 'web', '--from', 'lone', { expectExit: 1 })).toMatchObject({
      stdout: '',
      stderr: 'NXDOMAIN\n',
    })
    expect(
      (await host.tsnet('dns', 'query', 'big.example.test', '--type', 'txt', '--from', 'lone')).stdout.length,
    ).toBeGreaterThan(2400)
    const explained = ['www', 'web.shop', 'nosuch.shop', 'www.example.test', 'www.example.test']
    const told = []
    for (const name of explained)
      told.push((await host.tsnet('dns', 'explain', name, '--from', 'web')).stdout)
    told.push((await host.tsnet('dns', 'explain', 'www.example.test', '--from', 'lone')).stdout)
    expect(
      told
        .join('')
        .replaceAll(/since \d+ s/g, 'since N s')
        .replaceAll(/ (60|[1-5]\d) A/g, ' 60 A'),
    ).toMatchInlineSnapshot(`
      "NOERROR  (qr aa rd ra)
      by a name on network shop
      www. 0 A 10.90.0.2
      NOERROR  (qr aa rd ra)
      by a name on network shop
      web.shop. 0 A 10.90.0.2
      NXDOMAIN  (qr aa rd ra)
      by no container of that name in shop
      NOERROR  (qr rd ra)
      by 198.51.100.2 (the host's resolvers), asked now
      www.example.test. 60 A 192.0.2.80
      NOERROR  (qr rd ra)
      by 198.51.100.2 (the host's resolvers), kept since N s
      www.example.test. 60 A 192.0.2.80
      NOERROR  (qr rd ra)
      by 198.51.100.2 (the container's servers), kept since N s
      www.example.test. 60 A 192.0.2.80
      "
    `)
    const refused = await host.tsnet('dns', 'query', 'web', '--from', 'nobody', { expectExit: 3 })
    expect(refused.stderr).toContain('nobody')
    const nowhere = await host.tsnet('dns', 'query', 'web', '--network', 'nope', { expectExit: 3 })
    expect(nowhere.stderr).toMatchInlineSnapshot(`
      "tsnet: finding network nope: there is none of that name
        field: --network
        value: nope
        hint: there are shop, tsnet
      "
    `)
    const typed = await host.tsnet('dns', 'query', 'web', '--type', 'foo', { expectExit: 2 })
    expect(typed.stderr).toMatchInlineSnapshot(`
      "tsnet: asking for web: "foo" is no record type
        field: --type
        value: foo
        hint: known are A, NS, CNAME, SOA, PTR, MX, TXT, AAAA, SRV, NAPTR, DS, DNSKEY, SVCB, HTTPS, ANY, CAA, or TYPE and a number
      "
    `)
  })

  it('routes a domain to other servers, for all, a network or a container', async () => {
    await using lab = await createLab()
    const { host, outside, container } = await layNameYard(lab)
    const servers = ['198.51.100.7', '198.51.100.8', '198.51.100.9']
    for (const [i, address] of servers.entries()) {
      await outside.sh(`ip addr add ${address}/24 dev eth0`)
      await startDnsmasq(outside, address, [`--address=/corp.example/192.0.2.${7 + i}`])
    }
    const boxes = await container('--container-name', 'one')
    await host.tsnet('network', 'create', 'shop')
    const shop = await container('--container-name', 'two', '--network', 'shop')
    const own = await container('--container-name', 'three', '--network', 'shop')
    await leavesNothing(host, async () => {
      await host.tsnet('dns', 'route', 'corp.example=198.51.100.7')
      await host.tsnet('dns', 'route', 'corp.example=198.51.100.8', '--network', 'shop')
      await host.tsnet('dns', 'route', 'corp.example=198.51.100.9', '--container', 'three')
      for (const [{ box, server }, address] of [
        [boxes, '192.0.2.7'],
        [shop, '192.0.2.8'],
        [own, '192.0.2.9'],
      ] as const) {
        expect(await dig(box, `@${server}`, 'a.corp.example')).toBe(`NOERROR, A ${address}`)
      }
      expect(await dig(boxes.box, `@${boxes.server}`, 'xcorp.example')).toBe('NXDOMAIN')
      expect((await host.tsnet('dns', 'explain', 'b.corp.example', '--from', 'one')).stdout).toContain(
        'by 198.51.100.7 (route for corp.example), asked now',
      )
      expect((await host.tsnet('dns', 'route')).stdout).toMatchInlineSnapshot(`
        "DOMAIN        SERVERS       FOR
        corp.example  198.51.100.7  everybody
        corp.example  198.51.100.8  network shop
        corp.example  198.51.100.9  container three
        "
      `)
      expect((await host.tsnet('dns', 'route', 'corp.example', { expectExit: 2 })).stderr).toContain(
        'is no route',
      )
      await host.tsnet('dns', 'route', 'corp.example', '--remove')
      await host.tsnet('dns', 'route', 'corp.example', '--remove', '--network', 'shop')
      await host.tsnet('dns', 'route', 'corp.example', '--remove', '--container', 'three')
      await host.tsnet('dns', 'route', 'corp.example=198.51.100.9', '--network', 'bridge')
      expect(await dig(boxes.box, `@${boxes.server}`, 'd.corp.example')).toBe('NOERROR, A 192.0.2.9')
      await host.tsnet('dns', 'route', 'corp.example', '--remove', '--network', 'default')
    })
    expect(await dig(boxes.box, `@${boxes.server}`, 'c.corp.example')).toBe('NXDOMAIN')
    expect(await askedUpstream(outside)).toContain('A c.corp.example')
  })

  it('finds no fault with our own server, and tells those of others', { timeout: 120_000 }, async () => {
    await using lab = await createLab()
    const { host, container } = await layNameYard(lab)
    const { box } = await container('--container-name', 'web')
    for (const place of [host, box]) {
      const { stdout } = await place.tsnet('dns', 'conformance', '10.89.0.1', '--known', 'web', {
        timeoutMs: 60_000,
      })
      expect(stdout).toMatch(/^(\d+) of \1 as expected$/m)
    }
    // Not by `cat`, which has half a second to start, and each question that is not answered takes ten.
    host.start(['socat', 'UDP4-RECVFROM:5300,bind=127.0.0.1,fork', 'PIPE'])
    await host.sh("until ss -lnu 'sport = 5300' | grep -q :5300; do sleep 0.02; done")
    const found = await host.tsnet('dns', 'conformance', '127.0.0.1', '--port', '5300', {
      expectExit: 5,
      timeoutMs: 60_000,
    })
    expect(found.stdout).toContain('FAIL a plain question: no response, expected NOERROR')
  })
})
