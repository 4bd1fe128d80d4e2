import { describe, expect, it } from 'vitest'
import type { SetupRequest } from '../../../lib/index.ts'
import { tsnet } from './command-line.ts'
import { shop, web } from './records.ts'

const answers = {
  setup: async () => web,
  createNetwork: async () => shop.config,
  teardown: async () => undefined,
  inspect: async () => web,
  check: async () => [],
  list: async () => [],
}

/** What the engine is asked for by a command line that must succeed. */
async function asked(line: string, files: Readonly<Record<string, string>> = {}): Promise<unknown> {
  const { calls, stderr, code } = await tsnet(line.split(' '), { engine: answers, files })
  expect({ stderr, code }).toEqual({ stderr: '', code: 0 })
  return calls.length === 1 ? calls[0] : calls
}

const plain = {
  sandbox: { path: '/proc/42/ns/net' },
  container: {},
  mode: 'bridge',
  networks: [],
  publish: [],
  expose: [],
  publishAll: false,
  ignorePublish: false,
  resolver: {},
  sysctls: {},
}

describe('tsnet setup', () => {
  it('asks for the default network when only a namespace is given', async () => {
    expect(await asked('setup --pid 42')).toEqual(['setup', plain])
    expect(await asked('setup --netns /proc/42/ns/net')).toEqual(['setup', plain])
    expect(await asked('setup --name blue')).toEqual([
      'setup',
      { ...plain, sandbox: { path: '/run/netns/blue' } },
    ])
  })

  it('makes a relative namespace path absolute, as the record must outlive the working directory', async () => {
    expect(await asked('setup --netns some/ns')).toEqual([
      'setup',
      { ...plain, sandbox: { path: `${process.cwd()}/some/ns` } },
    ])
  })

  it('says of the container what its flags say', async () => {
    const line = 'setup --pid 42 --id c1 --container-name web --hostname www --label a=1 --label b'
    expect(await asked(line)).toEqual([
      'setup',
      { ...plain, container: { id: 'c1', name: 'web', hostname: 'www', labels: { a: '1', b: '' } } },
    ])
  })

  it('joins every --network in order, with its own settings', async () => {
    const spec =
      'shop:ip=10.90.0.7,ip6=fd00:90::7,mac=02:42:0A:5A:00:07,ifname=wan0,alias=sql,alias=pg,mtu=1400,priority=5'
    expect(await asked(`setup --pid 42 --network ${spec} --network bridge`)).toEqual([
      'setup',
      {
        ...plain,
        networks: [
          {
            network: 'shop',
            addresses: ['10.90.0.7', 'fd00:90::7'],
            mac: '02:42:0a:5a:00:07',
            ifname: 'wan0',
            aliases: ['sql', 'pg'],
            mtuBytes: 1400,
            gatewayPriority: 5,
          },
          { network: 'tsnet' },
        ],
      },
    ])
  })

  it('puts --ip, --ip6, --mac and --mtu on the first network, the default one if there is no other', async () => {
    const flags = '--ip 10.89.0.9 --ip6 fd00::9 --mac 02:42:00:00:00:09 --mtu 1280'
    const first = {
      addresses: ['10.89.0.9', 'fd00::9'],
      mac: '02:42:00:00:00:09',
      mtuBytes: 1280,
    }
    expect(await asked(`setup --pid 42 ${flags}`)).toEqual([
      'setup',
      { ...plain, networks: [{ network: 'tsnet', ...first }] },
    ])
    expect(await asked(`setup --pid 42 ${flags} --network shop:alias=x --network blue`)).toEqual([
      'setup',
      { ...plain, networks: [{ network: 'shop', aliases: ['x'], ...first }, { network: 'blue' }] },
    ])
  })

  it('lifts the network of --default-route above all priorities', async () => {
    expect(
      await asked('setup --pid 42 --network a:priority=7 --network b:ifname=up0 --default-route up0'),
    ).toEqual([
      'setup',
      {
        ...plain,
        networks: [
          { network: 'a', gatewayPriority: 7 },
          { network: 'b', ifname: 'up0', gatewayPriority: 8 },
        ],
      },
    ])
    expect(await asked('setup --pid 42 --network a --network bridge --default-route bridge')).toEqual([
      'setup',
      { ...plain, networks: [{ network: 'a' }, { network: 'tsnet', gatewayPriority: 1 }] },
    ])
  })

  it('knows the default network and the interfaces that nobody named, for --default-route', async () => {
    for (const word of ['bridge', 'tsnet', 'default', 'eth0'])
      expect(await asked(`setup --pid 42 --default-route ${word}`)).toEqual([
        'setup',
        { ...plain, networks: [{ network: 'tsnet', gatewayPriority: 1 }] },
      ])
    const named = ['a', 'b:ifname=eth0', 'c'].map((spec) => `--network ${spec}`).join(' ')
    const lifted = async (word: string): Promise<readonly (number | undefined)[]> => {
      const line = `setup --pid 42 ${named} --default-route ${word}`
      const [, request] = (await asked(line)) as readonly [string, SetupRequest]
      return request.networks.map(({ gatewayPriority }) => gatewayPriority)
    }
    expect([await lifted('eth0'), await lifted('eth1'), await lifted('eth2')]).toEqual([
      [undefined, 1, undefined],
      [1, undefined, undefined],
      [undefined, undefined, 1],
    ])
  })

  it('takes modes where networks could stand', async () => {
    expect(await asked('setup --pid 42 --network host')).toEqual(['setup', { ...plain, mode: 'host' }])
    expect(await asked('setup --pid 42 --network none --ignore-publish -p 80')).toEqual([
      'setup',
      {
        ...plain,
        mode: 'none',
        ignorePublish: true,
        publish: [{ containerPort: 80, count: 1, protocol: 'tcp' }],
      },
    ])
    expect(await asked('setup --pid 42 --network container:web')).toEqual([
      'setup',
      { ...plain, mode: 'container', shareWith: 'web' },
    ])
  })

  it('needs no namespace in host and container mode', async () => {
    const own = { path: '/proc/self/ns/net' }
    expect(await asked('setup --network host')).toEqual(['setup', { ...plain, sandbox: own, mode: 'host' }])
    expect(await asked('setup --network container:web')).toEqual([
      'setup',
      { ...plain, sandbox: own, mode: 'container', shareWith: 'web' },
    ])
  })

  it('takes ports in short and long form', async () => {
    const line = 'setup --pid 42 -p8080:80 --publish [fd00::1]:53-54:53-54/udp -P --expose 7000-7009/sctp'
    expect(await asked(line)).toEqual([
      'setup',
      {
        ...plain,
        publish: [
          { hostPort: 8080, containerPort: 80, count: 1, protocol: 'tcp' },
          { hostAddress: 'fd00::1', hostPort: 53, containerPort: 53, count: 2, protocol: 'udp' },
        ],
        expose: [{ port: 7000, count: 10, protocol: 'sctp' }],
        publishAll: true,
      },
    ])
  })

  it('takes name servers, hosts and sysctls', async () => {
    const line =
      'setup --pid 42 --dns 192.0.2.53 --dns fd00::53 --dns-search a.test --dns-option ndots:2 ' +
      '--add-host db:10.90.0.7 --add-host box=host-gateway --sysctl net.core.somaxconn=1024'
    expect(await asked(line)).toEqual([
      'setup',
      {
        ...plain,
        resolver: {
          servers: ['192.0.2.53', 'fd00::53'],
          search: ['a.test'],
          options: ['ndots:2'],
          hosts: [
            { name: 'db', address: '10.90.0.7' },
            { name: 'box', address: 'host-gateway' },
          ],
        },
        sysctls: { 'net.core.somaxconn': '1024' },
      },
    ])
  })

  it('takes links, and files by paths from where it runs', async () => {
    const line =
      'setup --pid 42 --link db --link cache:memcached --resolv-conf /run/box/resolv.conf --hosts hosts'
    expect(await asked(line)).toEqual([
      'setup',
      {
        ...plain,
        links: [
          { container: 'db', alias: 'db' },
          { container: 'cache', alias: 'memcached' },
        ],
        resolver: { resolvConf: '/run/box/resolv.conf', hostsFile: `${process.cwd()}/hosts` },
      },
    ])
  })

  it('takes the whole request as JSON, from a file or standard input, with the namespace beside it', async () => {
    const document = JSON.stringify({
      sandbox: '/run/netns/a',
      container: { id: 'c1' },
      publish: ['8080:80'],
    })
    const request = {
      ...plain,
      container: { id: 'c1' },
      publish: [{ hostPort: 8080, containerPort: 80, count: 1, protocol: 'tcp' }],
    }
    expect(await asked('setup --config web.json', { 'web.json': document })).toEqual([
      'setup',
      { ...request, sandbox: { path: '/run/netns/a' } },
    ])
    expect(await asked('setup --config - --pid 42', { '-': document })).toEqual(['setup', request])
  })

  it('hands an explicit backend on in the request, where it wins over the document', async () => {
    const document = JSON.stringify({ sandbox: '/proc/42/ns/net', firewall: 'iptables' })
    const line = 'setup --config - --firewall nftables'
    expect(await asked(line, { '-': document })).toEqual(['setup', { ...plain, firewall: 'nftables' }])
  })
})

describe('options of every command', () => {
  it('are taken before and behind the command', async () => {
    const before = await tsnet(['--state-dir', '/s', '--firewall', 'none', 'ls', '--json'], {
      engine: answers,
    })
    const behind = await tsnet(['ls', '--json', '--state-dir', '/s', '--firewall', 'none'], {
      engine: answers,
    })
    expect(before.opened).toEqual({ stateDir: '/s', firewall: 'none' })
    expect(behind).toEqual(before)
  })

  it('come from the environment where no flag is given', async () => {
    const env = { TSNET_STATE_DIR: '/env', TSNET_FIREWALL: 'nftables' }
    expect((await tsnet(['ls'], { engine: answers, env })).opened).toEqual({
      stateDir: '/env',
      firewall: 'nftables',
    })
    const flags = ['ls', '--state-dir', '/flag', '--firewall', 'iptables']
    expect((await tsnet(flags, { engine: answers, env })).opened).toEqual({
      stateDir: '/flag',
      firewall: 'iptables',
    })
  })
})

describe('commands that select a container', () => {
  it('take an id, a name or the namespace', async () => {
    expect(await asked('teardown web')).toEqual(['teardown', { container: 'web' }])
    expect(await asked('teardown --id c1')).toEqual(['teardown', { container: 'c1' }])
    expect(await asked('teardown --container-name web')).toEqual(['teardown', { container: 'web' }])
    expect(await asked('teardown --pid 42')).toEqual(['teardown', { sandboxPath: '/proc/42/ns/net' }])
    expect(await asked('inspect --name blue')).toEqual(['inspect', { sandboxPath: '/run/netns/blue' }])
    expect(await asked('port --netns /x')).toEqual(['inspect', { sandboxPath: '/x' }])
    expect(await asked('port web 80/tcp')).toEqual(['inspect', { container: 'web' }])
    expect(await asked('port --netns /x 80')).toEqual(['inspect', { sandboxPath: '/x' }])
  })

  it('take several where teardown gets several, and each once', async () => {
    expect(await asked('teardown web db web')).toEqual([
      ['teardown', { container: 'web' }],
      ['teardown', { container: 'db' }],
    ])
  })

  it('mean everything where check gets none', async () => {
    expect(await asked('check')).toEqual(['check', undefined])
    expect(await asked('check web')).toEqual(['check', { container: 'web' }])
  })
})

describe('the default network', () => {
  const engine = {
    ...answers,
    listNetworks: async () => [shop],
    inspectNetwork: async () => shop,
    removeNetwork: async () => undefined,
    updateNetwork: async () => shop.config,
    disconnect: async () => undefined,
  }

  it.each(['bridge', 'default', 'tsnet'])('is what every command means by %s', async (name) => {
    const lines = ['inspect N', 'rm N', 'update N --isolate false', 'disconnect N web']
    const calls = lines.map(async (line) => {
      const { calls } = await tsnet(['network', ...line.replace('N', name).split(' ')], { engine })
      return calls.at(-1)?.filter((word) => typeof word === 'string')
    })
    expect(await Promise.all(calls)).toEqual([
      ['inspectNetwork', 'tsnet'],
      ['removeNetwork', 'tsnet'],
      ['updateNetwork', 'tsnet'],
      ['disconnect', 'tsnet'],
    ])
  })

  it('gives way to a network of CNI that is called so, where one is looked at, changed or removed', async () => {
    const bridge = { ...shop, config: { ...shop.config, name: 'bridge' } }
    const beside = { ...engine, listNetworks: async () => [bridge] }
    for (const line of ['inspect bridge', 'rm bridge', 'update bridge --isolate false']) {
      const { calls } = await tsnet(['network', ...line.split(' ')], { engine: beside })
      expect(calls.at(-1)?.[1], line).toBe('bridge')
    }
  })

  it('is left again by the word by which it was joined, unless the container is on one of CNI that is called so', async () => {
    const bridge = { ...shop, config: { ...shop.config, name: 'bridge' } }
    const on = async (network: string): Promise<unknown> => {
      const attachments = web.attachments.map((one) => ({ ...one, network }))
      const inspect = async () => ({ ...web, attachments })
      const beside = { ...engine, listNetworks: async () => [bridge], inspect }
      const { calls } = await tsnet(['network', 'disconnect', 'bridge', 'web'], { engine: beside })
      return calls.at(-1)?.filter((word) => typeof word === 'string')
    }
    expect([await on('tsnet'), await on('bridge')]).toEqual([
      ['disconnect', 'tsnet'],
      ['disconnect', 'bridge'],
    ])
  })
})

describe('tsnet network create', () => {
  it('asks for a bridge network with a chosen subnet', async () => {
    expect(await asked('network create shop')).toEqual([
      'createNetwork',
      { name: 'shop', driver: 'bridge', subnets: [], ipv6: false, internal: false, options: {}, labels: {} },
    ])
  })

  it('gives gateways, ranges and reserved addresses to the subnet they lie in', async () => {
    const line =
      'network create shop --subnet 10.90.0.0/24 --subnet fd00:90::/64 --gateway fd00:90::ff --gateway 10.90.0.254 ' +
      '--ip-range 10.90.0.128/25 --aux-address printer=10.90.0.200 --aux-address nas=fd00:90::5 ' +
      '--internal --ipv6 --label a=1 -o mtu=1400 -o icc=false --opt bridge=br9'
    expect(await asked(line)).toEqual([
      'createNetwork',
      {
        name: 'shop',
        driver: 'bridge',
        subnets: [
          {
            subnet: '10.90.0.0/24',
            gateway: '10.90.0.254',
            range: '10.90.0.128/25',
            reserved: { printer: '10.90.0.200' },
          },
          { subnet: 'fd00:90::/64', gateway: 'fd00:90::ff', reserved: { nas: 'fd00:90::5' } },
        ],
        ipv6: true,
        internal: true,
        options: { mtuBytes: 1400, icc: false, bridge: 'br9' },
        labels: { a: '1' },
      },
    ])
  })
})
