/**
 * Pairs of requests and answers as the contract has them, for both generations
 * of podman, with what the engine is asked for in between: golden pages.
 *
 * @module
 */
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { flocker } from '../../../../lib/kernel/system/lock.ts'
import { type Given, netavark, page } from './netavark.ts'
import { type Json, type Podman, podman4, podman6, port } from './requests.ts'

const netns = '/proc/self/ns/net'
let config = ''
beforeAll(() => {
  config = mkdtempSync('/tmp/tsnet-netavark-')
})
afterAll(() => rmSync(config, { recursive: true }))

const options = (): readonly string[] => [
  '--config',
  config,
  '--rootless=false',
  '--aardvark-binary=/x/aardvark-dns',
]

/** The page, as it is kept. */
async function golden(name: string, argv: readonly string[], given: Given = {}): Promise<void> {
  const text = (await page([...options(), ...argv], given)).replaceAll(config, 'CONFIG')
  await expect(text).toMatchFileSnapshot(`../../../golden/adapters/netavark/${name}.txt`)
}

const set = (which: 'call' | 'joining' | 'network', fields: Json) => (podman: Podman) => {
  Object.assign(podman[which], fields)
}

describe('setup', () => {
  it('of podman 4: networks as a map, false is the isolation', async () => {
    await golden('setup-podman4', ['setup', netns], {
      stdin: podman4(({ call, network, joining }) => {
        call['port_mappings'] = [port()]
        network['dns_enabled'] = true
        joining['aliases'] = ['www', '0123456789ab']
      }),
      env: { NETAVARK_FW: 'iptables' },
    })
  })

  it('of podman 6: networks as an array, strict is the isolation, servers of container and network', async () => {
    await golden('setup-podman6', ['setup', netns], {
      stdin: podman6(({ call, network, joining }) => {
        call['port_mappings'] = [port()]
        call['dns_servers'] = ['192.0.2.53']
        Object.assign(network, { dns_enabled: true, network_dns_servers: ['192.0.2.54'] })
        joining['aliases'] = ['www']
      }),
    })
  })

  it('has every option of a bridge network', async () => {
    await golden('setup-options', ['--firewall-driver', 'nftables', 'setup', netns], {
      links: { blue: 'vrf' },
      stdin: podman6(({ network, joining }) => {
        Object.assign(network, {
          ipv6_enabled: true,
          subnets: [
            { subnet: '10.70.9.0/24', gateway: '10.70.9.1' },
            { subnet: 'fd00:9::/64', gateway: 'fd00:9::1' },
          ],
          options: { mtu: '1400', metric: '42', isolate: 'false', vlan: '7', vrf: 'blue' },
          routes: [
            { destination: '10.8.0.0/16', gateway: '10.70.9.9', metric: 7 },
            { destination: '10.9.0.0/16', route_type: 'blackhole' },
            { destination: 'fd00:8::/64', route_type: 'prohibit', metric: 5 },
          ],
        })
        Object.assign(joining, {
          static_ips: ['10.70.9.2', '10.70.9.3', 'fd00:9::2'],
          static_mac: '02-00-00-00-00-77',
          options: { host_interface_name: 'web0' },
        })
      }),
    })
  })

  it('without a way out: no_default_route', async () => {
    const stdin = podman6(set('network', { options: { no_default_route: 'true' } }))
    const { calls } = await netavark([...options(), 'setup', netns], { stdin })
    expect(calls).toMatchObject([['attach', { networks: [{ defaultRoute: false }] }]])
  })

  it('finds a bridge that goes the next moment with the last container of its network, and has it made', async () => {
    const engine = { hasLink: () => true, linkKind: async () => undefined }
    const { calls, code } = await netavark([...options(), 'setup', netns], { stdin: podman6(), engine })
    expect({ code, asked: calls.map(([method]) => method) }).toEqual({ code: 0, asked: ['attach'] })
  })

  it('of an internal network publishes nothing', async () => {
    await golden('setup-internal', ['setup', netns], {
      stdin: podman6(({ call, network }) => {
        call['port_mappings'] = [port()]
        network['internal'] = true
      }),
    })
  })

  it('on a bridge of somebody else: no rules, names on its own addresses', async () => {
    await golden('setup-unmanaged', ['setup', netns], {
      links: { podman9: 'bridge' },
      stdin: podman6(set('network', { dns_enabled: true, options: { mode: 'unmanaged' } })),
    })
  })

  it('of two networks goes by the order of the array', async () => {
    await golden('setup-two-networks', ['setup', netns], {
      stdin: podman6(({ call, network, joining }) => {
        const back = {
          ...network,
          name: 'back',
          id: '01'.repeat(32),
          network_interface: 'podman10',
          subnets: [{ subnet: '10.70.10.0/24', gateway: '10.70.10.1' }],
        }
        call['network_info'] = { front: network, back }
        call['networks'] = [{ name: 'back', interface_name: 'eth1', static_ips: ['10.70.10.2'] }, joining]
        call['port_mappings'] = [port()]
      }),
    })
  })

  it.each(['bridge', 'private', 'vepa', 'passthru', 'source'])('of macvlan in mode %s', async (mode) => {
    const stdin = podman6(
      set('network', {
        driver: 'macvlan',
        network_interface: 'eno1',
        options: { mode, mtu: '1400', bclim: '5' },
      }),
    )
    const { calls, stdout } = await netavark([...options(), 'setup', netns], { stdin, links: { eno1: '' } })
    expect(calls).toMatchObject([
      [
        'parts.add',
        {
          type: 'macvlan',
          options: { master: 'eno1', mode: `${mode} bclim 5`, mtu: 1400, routes: [{ metric: 99 }] },
        },
      ],
    ])
    expect(JSON.parse(stdout)).toEqual({
      front: {
        dns_search_domains: [],
        dns_server_ips: [],
        interfaces: {
          eth0: {
            mac_address: '02:42:0a:46:09:02',
            subnets: [{ gateway: '10.70.9.1', ipnet: '10.70.9.2/24' }],
          },
        },
      },
    })
  })

  it('of macvlan has the metric of its generation', async () => {
    const fields = { driver: 'macvlan', network_interface: 'eno1' }
    for (const [podman, metric] of [
      [podman4, 100],
      [podman6, 99],
    ] as const) {
      const stdin = podman(set('network', fields))
      const { calls } = await netavark([...options(), 'setup', netns], { stdin, links: { eno1: '' } })
      expect(calls).toMatchObject([['parts.add', { options: { routes: [{ metric }] } }]])
    }
  })

  it.each(['l2', 'l3', 'l3s'])('of ipvlan in mode %s', async (mode) => {
    await golden(`setup-ipvlan-${mode}`, ['setup', netns], {
      stdin: podman6(set('network', { driver: 'ipvlan', network_interface: 'eno1', options: { mode } })),
    })
  })

  it('with ipam none brings the link up and nothing else', async () => {
    await golden('setup-ipam-none', ['setup', netns], {
      stdin: podman6(({ network, joining }) => {
        network['ipam_options'] = { driver: 'none' }
        delete network['subnets']
        delete joining['static_ips']
      }),
    })
  })

  it('publishes all forms of ports', async () => {
    const stdin = podman6(({ call, network, joining }) => {
      network['subnets'] = [
        { subnet: '10.70.9.0/24', gateway: '10.70.9.1' },
        { subnet: 'fd00:9::/64', gateway: 'fd00:9::1' },
      ]
      joining['static_ips'] = ['10.70.9.2', 'fd00:9::2']
      call['port_mappings'] = [
        port(),
        port({ host_port: 53, protocol: 'udp', host_ip: '0.0.0.0' }),
        port({ host_port: 36412, protocol: 'sctp', host_ip: '::' }),
        port({ host_port: 9000, container_port: 80, range: 100, host_ip: '127.0.0.1' }),
        port({ host_port: 81, range: 0, host_ip: '2001:db8::1' }),
        port({ host_port: 82, host_ip: '::1' }),
        port(),
      ]
    })
    const { calls, stderr } = await netavark([...options(), 'setup', netns], {
      stdin,
      env: { RUST_LOG: 'netavark=warn' },
    })
    const [, request] = calls[0] as [string, { readonly publish: unknown }]
    expect(request.publish).toMatchInlineSnapshot(`
      [
        {
          "containerPort": 80,
          "count": 1,
          "heldByCaller": true,
          "hostPort": 8080,
          "protocol": "tcp",
        },
        {
          "containerPort": 80,
          "count": 1,
          "heldByCaller": true,
          "hostAddress": "0.0.0.0",
          "hostPort": 53,
          "protocol": "udp",
        },
        {
          "containerPort": 80,
          "count": 1,
          "heldByCaller": true,
          "hostAddress": "::",
          "hostPort": 36412,
          "protocol": "sctp",
        },
        {
          "containerPort": 80,
          "count": 100,
          "heldByCaller": true,
          "hostAddress": "127.0.0.1",
          "hostPort": 9000,
          "protocol": "tcp",
        },
        {
          "containerPort": 80,
          "count": 1,
          "heldByCaller": true,
          "hostAddress": "2001:db8::1",
          "hostPort": 81,
          "protocol": "tcp",
        },
      ]
    `)
    expect(stderr).toMatchInlineSnapshot(`
      "[WARN  netavark::network::bridge] port not published: [::1]:82: the kernel does not forward connections to the IPv6 loopback
      "
    `)
  })

  it('writes aardvark’s file, and teardown takes it away', async () => {
    const stdin = podman6(({ call, network, joining }) => {
      call['dns_servers'] = ['192.0.2.53']
      Object.assign(network, { dns_enabled: true, network_dns_servers: ['192.0.2.54'] })
      joining['aliases'] = ['WWW']
    })
    await netavark([...options(), 'setup', netns], { stdin })
    expect(readFileSync(`${config}/aardvark-dns/front`, 'utf8')).toBe(
      '10.70.9.1 192.0.2.54\n0123456789ab 10.70.9.2  web,www 192.0.2.53\n',
    )
    await golden('update', ['update', 'front', '--network-dns-servers', '192.0.2.55,192.0.2.56'], {
      stdin: 'null',
    })
    expect(readFileSync(`${config}/aardvark-dns/front`, 'utf8')).toBe(
      '10.70.9.1 192.0.2.55,192.0.2.56\n0123456789ab 10.70.9.2  web,www 192.0.2.53\n',
    )
    await golden('update-to-none', ['update', 'front', '--network-dns-servers', ''], { stdin: 'null' })
    expect(readFileSync(`${config}/aardvark-dns/front`, 'utf8')).toBe(
      '10.70.9.1\n0123456789ab 10.70.9.2  web,www 192.0.2.53\n',
    )
    await golden('teardown', ['teardown', netns], { stdin })
    expect(() => readFileSync(`${config}/aardvark-dns/front`)).toThrow('ENOENT')
  })

  it('changes the names of a network, which its containers share, in turn with netavark: setup, update and teardown', async () => {
    const stdin = podman6(({ network }) => {
      network['dns_enabled'] = true
    })
    const file = `${config}/aardvark-dns/front`
    const text = (): string | undefined => (existsSync(file) ? readFileSync(file, 'utf8') : undefined)
    const whole = '10.70.9.1\n0123456789ab 10.70.9.2  web\n'
    const forwarding = whole.replace('\n', ' 192.0.2.55\n')
    const steps: readonly (readonly [readonly string[], string | undefined, string | undefined])[] = [
      [['setup', netns], undefined, whole],
      [['update', 'front', '--network-dns-servers', '192.0.2.55'], whole, forwarding],
      [['teardown', netns], forwarding, undefined],
    ]
    for (const [words, before, after] of steps) {
      const turn = await flocker.acquire(`${config}/aardvark.lock`, { exclusive: true, timeoutMs: 10_000 })
      const called = netavark([...options(), ...words], { stdin })
      // As many turns of the event loop as all of it takes many times over.
      for (let loop = 0; loop < 500; loop++) await new Promise((resolve) => setImmediate(resolve))
      expect(text()).toBe(before)
      turn.release()
      expect(await called).toMatchObject({ code: 0 })
      expect(text()).toBe(after)
    }
    expect(readdirSync(config)).toContain('aardvark.lock')
  })

  it('that cannot write its names takes itself down again', async () => {
    const stdin = podman6(({ network }) => {
      network['dns_enabled'] = true
    })
    writeFileSync(`${config}/aardvark-dns`, '')
    const outcome = await netavark([...options(), 'setup', netns], { stdin })
    rmSync(`${config}/aardvark-dns`)
    expect(outcome.calls.map(([name]) => name)).toEqual(['attach', 'detach'])
    expect(outcome).toMatchObject({ code: 1, stdout: expect.stringContaining('EEXIST') })
  })

  it('that fails takes down the networks done before, and their names', async () => {
    const stdin = podman6(({ call, network, joining }) => {
      network['dns_enabled'] = true
      call['network_info'] = { front: network, back: { ...network, name: 'back', driver: 'macvlan' } }
      call['networks'] = [joining, { ...joining, name: 'back', interface_name: 'eth1' }]
    })
    const outcome = await netavark([...options(), 'setup', netns], {
      stdin,
      engine: {
        'parts.add': () => {
          throw new Error('no link')
        },
      },
    })
    expect(outcome.calls.map(([name]) => name)).toEqual(['attach', 'parts.add', 'detach'])
    expect(outcome).toMatchObject({ code: 1, stdout: '{"error":"no link"}\n' })
    expect(() => readFileSync(`${config}/aardvark-dns/front`)).toThrow('ENOENT')
  })
})

describe('ipam driver dhcp', () => {
  const stdin = podman6(({ network, joining }) => {
    Object.assign(network, { driver: 'macvlan', network_interface: 'eno1', ipam_options: { driver: 'dhcp' } })
    delete network['subnets']
    delete joining['static_ips']
  })
  const lease = {
    address: '192.0.2.7/24',
    gateway: '192.0.2.1',
    nameServers: ['192.0.2.53'],
    search: [],
    routes: [],
  }
  const done = async (): Promise<undefined> => undefined
  const engine = { 'dhcp.acquire': async () => lease, 'dhcp.release': done, 'parts.address': done }

  it('asks for a lease over the link, with id and name of the container', async () => {
    const { calls, stdout } = await netavark([...options(), 'setup', netns], { stdin, engine })
    expect(calls).toMatchObject([
      ['parts.add', { type: 'macvlan', options: { addresses: [], routes: [] } }],
      [
        'dhcp.acquire',
        { socketPath: '/run/cni/dhcp.sock' },
        {
          network: 'front',
          container: '0123456789ab',
          ifname: 'eth0',
          netns,
          clientId: '00303132333435363738396162',
          provided: [[12, '776562']],
        },
      ],
      [
        'parts.address',
        {
          options: {
            addresses: [{ cidr: '192.0.2.7/24' }],
            routes: [{ to: '0.0.0.0/0', via: '192.0.2.1', metric: 99 }],
          },
        },
      ],
    ])
    expect(JSON.parse(stdout)).toMatchObject({
      front: {
        dns_server_ips: ['192.0.2.53'],
        interfaces: { eth0: { subnets: [{ gateway: '192.0.2.1' }] } },
      },
    })
  })

  it('without an answer is one error, and nothing is left', async () => {
    const acquire = (): never => {
      throw new Error('no server answers')
    }
    const { calls, stdout } = await netavark([...options(), 'setup', netns], {
      stdin,
      engine: { ...engine, 'dhcp.acquire': acquire },
    })
    expect(calls.map(([name]) => name)).toEqual(['parts.add', 'dhcp.acquire', 'dhcp.release', 'parts.remove'])
    expect(stdout).toBe('{"error":"unable to obtain lease: no server answers"}\n')
  })

  it('is released at teardown, and the link goes even where that fails', async () => {
    const release = async (): Promise<never> => {
      throw new Error('no keeper')
    }
    const { calls, code } = await netavark([...options(), 'teardown', netns], {
      stdin,
      engine: { ...engine, 'dhcp.release': release },
    })
    expect({ code, calls: calls.map(([name]) => name) }).toEqual({
      code: 1,
      calls: ['dhcp.release', 'parts.remove'],
    })
  })
})

describe('teardown', () => {
  it('goes on over errors and tells all of them', async () => {
    const stdin = podman6(({ call, network, joining }) => {
      call['network_info'] = {
        front: network,
        back: { ...network, name: 'back' },
        odd: { ...network, name: 'odd', driver: 'odd' },
      }
      call['networks'] = ['odd', 'front', 'back'].map((name) => ({ ...joining, name }))
    })
    const detach = (): never => {
      throw new Error('stuck')
    }
    const { code, stdout, calls } = await netavark([...options(), 'teardown', netns], {
      stdin,
      engine: { detach },
    })
    expect({ code, stdout, calls: calls.length }).toEqual({
      code: 1,
      stdout: `${JSON.stringify({
        error:
          'netavark encountered multiple errors:\n\t- unknown network driver "odd"\n\t- stuck\n\t- stuck',
      })}\n`,
      calls: 2,
    })
  })

  it('takes the rest of an attachment down where one part of it cannot be', async () => {
    const stuck = (what: string) => (): never => {
      throw new Error(`${what} is stuck`)
    }
    const both = { 'parts.remove': stuck('the route'), detach: stuck('the link') }
    const told = (macvlan: boolean) =>
      netavark([...options(), 'teardown', netns], {
        engine: {
          ...both,
          'parts.list': async (type) => (type === 'netavark' ? [{ container: 'c1', ifname: 'eth0' }] : []),
        },
        stdin: podman6(({ call, network }) => {
          call['container_id'] = 'c1'
          network['routes'] = [{ destination: '192.0.2.0/24', route_type: 'blackhole' }]
          if (macvlan) network['driver'] = 'macvlan'
        }),
      })
    const [bridge, macvlan] = [await told(false), await told(true)]
    expect([bridge.stdout, bridge.calls.map(([method]) => method)]).toEqual([
      `${JSON.stringify({ error: 'netavark encountered multiple errors:\n\t- the route is stuck\n\t- the link is stuck' })}\n`,
      ['parts.remove', 'detach'],
    ])
    expect([macvlan.stdout, macvlan.calls.map(([method]) => method)]).toEqual([
      `${JSON.stringify({ error: 'netavark encountered multiple errors:\n\t- the route is stuck\n\t- the route is stuck' })}\n`,
      ['parts.remove', 'parts.remove'],
    ])
  })

  it('is not ended by SIGINT and SIGTERM, which end everything else', async () => {
    const hears = async (verb: string): Promise<readonly string[]> =>
      (await netavark([...options(), verb, netns], { stdin: podman6() })).hears
    expect(await hears('setup')).toEqual([])
    // N#1223: ended half-way, its addresses went to others while its rules led there still.
    expect(await hears('teardown')).toEqual(['SIGINT', 'SIGTERM'])
  })

  it('of a namespace that is gone clears the host’s side and succeeds', async () => {
    const { code, stderr } = await netavark([...options(), 'teardown', '/run/netns/gone'], {
      stdin: podman6(),
      env: { RUST_LOG: 'netavark=warn' },
    })
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr:
        "[WARN  netavark::commands::teardown] /run/netns/gone is gone: only the host's side is cleared\n",
    })
  })
})

describe('a driver that is a program', () => {
  const program = (exitCode: number, stdout: string) => ({
    runProgram: async () => ({ exitCode, stdout, stderr: 'a word from it\n' }),
  })
  const stdin = podman6(set('network', { driver: 'mine' }))
  let folder = ''
  beforeAll(() => {
    folder = mkdtempSync('/tmp/tsnet-plugins-')
    writeFileSync(`${folder}/mine`, '#!/bin/sh\n')
    chmodSync(`${folder}/mine`, 0o755)
  })
  afterAll(() => rmSync(folder, { recursive: true }))
  const run = (verb: readonly string[], exitCode: number, stdout: string, input = stdin) =>
    netavark([...options(), '--plugin-directory', '/nowhere', '--plugin-directory', folder, ...verb], {
      stdin: input,
      engine: program(exitCode, stdout),
    })

  it('gets container, ports, network and wishes as they came, and its status is the answer', async () => {
    const status = { interfaces: { eth0: { mac_address: '02:00:00:00:00:01', subnets: [] } } }
    const { stdout, stderr, calls } = await run(['setup', netns], 0, JSON.stringify(status))
    const [, words, { input }] = calls[0] as [string, unknown, { readonly input: string }]
    const call = JSON.parse(stdin) as { readonly networks: readonly Json[]; readonly network_info: Json }
    expect(words).toEqual([`${folder}/mine`, 'setup', netns])
    expect(JSON.parse(input)).toEqual({
      container_id: '0123456789ab',
      container_name: 'web',
      port_mappings: [],
      network: call.network_info['front'],
      network_options: call.networks[0],
    })
    expect({ stdout, stderr }).toEqual({
      stdout: `${JSON.stringify({ front: status })}\n`,
      stderr: 'a word from it\n',
    })
  })

  it.each([
    [1, '{"error":"no more of them"}', 'plugin mine failed: exit code 1, message: no more of them'],
    [3, '', 'plugin mine failed: exit code 3, and it printed no error'],
    [0, '', 'plugin mine failed: it printed no status'],
  ])('that ends with %i and prints %j is an error in its words', async (exitCode, said, error) => {
    const { code, stdout } = await run(['setup', netns], exitCode, said)
    expect({ code, stdout }).toEqual({ code: 1, stdout: `${JSON.stringify({ error })}\n` })
  })

  it('may complete a network, but not rename it', async () => {
    const request = JSON.stringify({ network: { name: 'front', id: 'ab'.repeat(32), driver: 'mine' } })
    const made = { name: 'front', id: 'ab'.repeat(32), driver: 'mine', options: { a: 'b' } }
    expect((await run(['create'], 0, JSON.stringify(made), request)).stdout).toBe(`${JSON.stringify(made)}\n`)
    expect((await run(['create'], 0, JSON.stringify({ ...made, name: 'x' }), request)).stdout).toBe(
      '{"error":"invalid plugin result: changed network name"}\n',
    )
  })
})

describe('bad input of the newer generation', () => {
  const network = (fields: Json): string => podman6(set('network', fields))
  const joining = (fields: Json): string => podman6(set('joining', fields))
  const subnets = (...list: readonly string[]): Json => ({ subnets: list.map((subnet) => ({ subnet })) })
  const route = (fields: Json): string => network({ routes: [{ destination: '10.8.0.0/16', ...fields }] })
  it.each([
    ['no static ips provided', joining({ static_ips: null })],
    [
      'static ip 10.1.1.1 is not in any subnet of network front: 10.70.9.0/24',
      joining({ static_ips: ['10.1.1.1'] }),
    ],
    ['unable to parse mac address x: invalid digit found in string', joining({ static_mac: 'x' })],
    ['invalid mac length for address: 02:00', joining({ static_mac: '02:00' })],
    ['unsupported ipam driver foo', network({ ipam_options: { driver: 'foo' } })],
    ['invalid isolate option "maybe"', network({ options: { isolate: 'maybe' } })],
    ['invalid bridge mode "odd"', network({ options: { mode: 'odd' } })],
    ['vlan must be between 0 and 4094', network({ options: { vlan: '4095' } })],
    [
      'unable to parse "vlan": number too large to fit in target type',
      network({ options: { vlan: '70000' } }),
    ],
    ['unable to parse "metric": invalid digit found in string', network({ options: { metric: '-1' } })],
    ...['0', '-1', '1.5', 'many', '1000000000000'].flatMap((limit): [string, string][] => [
      [
        `unable to parse "conntrack_limit": "${limit}" is no number of connections, use 1 to 4294967295`,
        network({ options: { protect: 'strict', conntrack_limit: limit } }),
      ],
      [
        `unable to parse "net.tsnet.conntrack-limit": "${limit}" is no number of connections, use 1 to 4294967295`,
        network({ labels: { 'net.tsnet.protect': 'strict', 'net.tsnet.conntrack-limit': limit } }),
      ],
    ]),
    [
      'unable to parse "no_default_route": provided string was not `true` or `false`',
      network({ options: { no_default_route: '1' } }),
    ],
    [
      'unable to parse "outbound_addr4": invalid IPv4 address syntax',
      network({ options: { outbound_addr4: '::1' } }),
    ],
    [
      'unable to parse "outbound_addr6": invalid IPv6 address syntax',
      network({ options: { outbound_addr6: '10.0.0.1' } }),
    ],
    ['duplicate subnet defined: 10.70.9.0/24', network(subnets('10.70.9.0/24', '10.70.9.0/24'))],
    ['overlapping subnets: 10.70.0.0/16 and 10.70.9.0/24', network(subnets('10.70.0.0/16', '10.70.9.0/24'))],
    ['route 10.8.0.0/16 requires a gateway for type unicast', route({})],
    [
      'route 10.8.0.0/16 must not have a gateway for type blackhole',
      route({ route_type: 'blackhole', gateway: '10.70.9.9' }),
    ],
    ['invalid route type "odd"', route({ route_type: 'odd' })],
    ['gateway with ipv6 address provided for ipv4 destination 10.8.0.0/16', route({ gateway: 'fd00::1' })],
    [
      'cannot use dhcp ipam driver without using the option mode=unmanaged',
      network({ ipam_options: { driver: 'dhcp' } }),
    ],
    [
      'ipam driver dhcp is not supported with ipvlan',
      network({ driver: 'ipvlan', ipam_options: { driver: 'dhcp' } }),
    ],
    ['invalid ipvlan mode "odd"', network({ driver: 'ipvlan', options: { mode: 'odd' } })],
    ['unknown network driver "odd"', network({ driver: 'odd' })],
    ['network info for network front not found', podman6(set('call', { network_info: {} }))],
    [
      'get vrf to set up bridge interface: Netlink error: No such device (os error 19)',
      network({ options: { vrf: 'red' } }),
    ],
  ])('%s', async (error, stdin) => {
    const { code, stdout, calls } = await netavark([...options(), 'setup', netns], { stdin })
    expect({ code, stdout, calls }).toEqual({ code: 1, stdout: `${JSON.stringify({ error })}\n`, calls: [] })
  })

  it.each([['setup'], ['teardown']])('%s needs --config', async (verb) => {
    const { stdout } = await netavark([verb, netns], { stdin: podman6() })
    expect(stdout).toBe(`{"error":"--config not specified but required for netavark ${verb}"}\n`)
  })

  it('update needs --config, and addresses', async () => {
    expect((await netavark(['update', 'front', '--network-dns-servers', ''])).stdout).toBe(
      '{"error":"--config not specified but required for netavark update"}\n',
    )
    expect((await netavark([...options(), 'update', 'front', '--network-dns-servers', 'x'])).stdout).toBe(
      '{"error":"unable to parse ip x specified in option: invalid IP address syntax"}\n',
    )
  })

  it('a host end whose name is taken names both', async () => {
    const { fail } = await import('../../../../lib/errors/codes.ts')
    const attach = (): never => {
      throw fail('TSNET_IFNAME_IN_USE', { message: 'taken' })
    }
    const stdin = joining({ options: { host_interface_name: 'web0' } })
    expect((await netavark([...options(), 'setup', netns], { stdin, engine: { attach } })).stdout).toBe(
      `${JSON.stringify({
        error:
          'create veth pair: interface eth0 already exists on container namespace or web0 exists on host namespace: Netlink error: File exists (os error 17)',
      })}\n`,
    )
  })

  it('an unmanaged bridge without an address cannot answer for names', async () => {
    const stdin = network({ dns_enabled: true, options: { mode: 'unmanaged' } })
    const { stdout } = await netavark([...options(), 'setup', netns], {
      stdin,
      links: { podman9: 'bridge' },
      engine: { linkAddresses: async () => ['fe80::1/64'] },
    })
    expect(stdout).toContain("bridge 'podman9' in unmanaged mode has no usable IP addresses.")
  })
})
