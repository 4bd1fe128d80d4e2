import { describe, expect, it } from 'vitest'
import { type ContainerNetwork, type Engine, type Finding, fail } from '../../../lib/index.ts'
import { tsnet } from './command-line.ts'
import { db, defaultNetwork, onHost, shop, sql, web } from './records.ts'

const engine = {
  setup: async () => web,
  teardown: async () => db,
  inspect: async () => web,
  list: async () => [web, db, onHost],
  listNetworks: async () => [shop, defaultNetwork],
  inspectNetwork: async () => shop,
  createNetwork: async () => shop.config,
  removeNetwork: async () => undefined,
  pruneNetworks: async () => ['shop', 'blue'],
  check: async () => [],
  gc: async () => ({ containers: [], pending: [], leases: [], ports: [], networks: [], rules: 0 }),
}

/** Standard output of a command that succeeds, with a line break in front for the eye. */
async function printed(line: string, given: Parameters<typeof tsnet>[1] = {}): Promise<string> {
  const { code, stdout, stderr } = await tsnet(line.split(' '), { engine, ...given })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return `\n${stdout}`
}

describe('setup', () => {
  it('prints what was done as labelled lines', async () => {
    expect(await printed('setup --pid 42')).toMatchInlineSnapshot(`
      "
      container   web  8c1f6a0e2b77d1b7c0ffee
      sandbox     /proc/4242/ns/net

      network     tsnet  bridge tsnet0, firewall nftables
      interface   eth0  02:42:0a:59:00:02  mtu 1500
      address     10.89.0.2/24            gateway 10.89.0.1, default route
                  fd12:3456:789a:1::2/64  gateway fd12:3456:789a:1::1, default route
      host side   web-3f2a1 in tsnet0
      ports       0.0.0.0:8080 -> 80/tcp
                  [::]:8080 -> 80/tcp
                  127.0.0.1:5000-5009 -> 5000-5009/udp

      dns         192.0.2.53 ndots:2
      search      example.test
      hosts       host.containers.internal 10.89.0.1
      "
    `)
  })

  it('prints every network of a container, and which one carries the default route', async () => {
    const given = { engine: { setup: async () => db } }
    expect(await printed('setup --pid 42', given)).toMatchInlineSnapshot(`
      "
      container   db
      sandbox     /run/netns/db

      network     shop  bridge ts-shop-8d900, firewall iptables
      interface   eth0  02:42:0a:5a:00:07  mtu 1400
      address     10.90.0.7/24  gateway 10.90.0.1
      host side   db-38803 in ts-shop-8d900
      aliases     sql postgres

      network     backoffice-of-the-whole-company  bridge ts-backof-1c0de, firewall iptables
      interface   wan0  02:42:0a:59:01:03  mtu 1500
      address     10.89.1.3/24  gateway 10.89.1.1, default route
      host side   db-bf8c4 in ts-backof-1c0de
      ports       0.0.0.0:52785 -> 5432/tcp
      "
    `)
  })

  it('prints links, and the files that were written', async () => {
    const files = { resolvConf: '/run/box/resolv.conf', hostsFile: '/run/box/hosts' }
    const link = { ...sql, env: { SQL_NAME: '/web/sql' } }
    const linked = { ...onHost, links: [link], resolver: { ...onHost.resolver, ...files } }
    const text = await printed('setup --pid 42', { engine: { setup: async () => linked } })
    expect(text.slice(text.indexOf('links'))).toMatchInlineSnapshot(`
      "links       sql 9b1c db  10.90.0.7 fd00:90::7
      files       /run/box/resolv.conf
                  /run/box/hosts
      "
    `)
  })

  it("prints the host's addresses in host mode", async () => {
    const given = { engine: { setup: async () => onHost } }
    expect(await printed('setup --pid 42 --network host', given)).toMatchInlineSnapshot(`
      "
      container   metrics
      sandbox     /proc/1/ns/net
      mode        host: the host's own interfaces, nothing was changed
      addresses   198.51.100.1/24
                  2001:db8:1::1/64
      "
    `)
  })

  it('prints the record alone under --json, the id alone under --quiet', async () => {
    expect(JSON.parse(await printed('setup --pid 42 --json'))).toEqual(web)
    expect(await printed('setup --pid 42 --quiet')).toBe('\n8c1f6a0e2b77d1b7c0ffee\n')
    expect(JSON.parse(await printed('setup --pid 42 --quiet --json'))).toEqual(web)
  })

  it('prints a dry run as the script alone', async () => {
    const planned = { result: web, steps: [], script: '#!/bin/sh\nip link' }
    const given = { engine: { plan: async () => planned } }
    expect(await printed('setup --pid 42 --dry-run', given)).toBe('\n#!/bin/sh\nip link\n')
    expect(await printed('plan --pid 42', given)).toBe('\n#!/bin/sh\nip link\n')
    expect(JSON.parse(await printed('plan --pid 42 --json', given))).toEqual(planned)
  })
})

describe('teardown', () => {
  it('prints what is gone, and that nothing was there', async () => {
    expect(await printed('teardown db')).toMatchInlineSnapshot(`
      "
      took down db: shop eth0 10.90.0.7/24
      took down db: backoffice-of-the-whole-company wan0 10.89.1.3/24
      "
    `)
    expect(await printed('teardown db --quiet')).toBe('\ndb\n')
    const given = { engine: { teardown: async () => undefined } }
    expect(await printed('teardown db', given)).toBe('\nnothing is set up for db\n')
    expect(await printed('teardown db --quiet', given)).toBe('\n')
    expect(await printed('teardown db --json', given)).toBe('\nnull\n')
  })

  it('of several prints a line for each, one list under --json', async () => {
    const records: Readonly<Record<string, ContainerNetwork>> = {
      db,
      [web.container.id]: web,
      metrics: onHost,
    }
    const teardown: Engine['teardown'] = async (selector) =>
      'container' in selector ? records[selector.container] : undefined
    const given = { engine: { ...engine, teardown } }
    expect(await printed('teardown db x metrics', given)).toMatchInlineSnapshot(`
      "
      took down db: shop eth0 10.90.0.7/24
      took down db: backoffice-of-the-whole-company wan0 10.89.1.3/24
      nothing is set up for x
      took down metrics (host)
      "
    `)
    expect(await printed('teardown db x metrics --quiet', given)).toBe('\ndb\nmetrics\n')
    expect(JSON.parse(await printed('teardown db x metrics --json', given))).toEqual([db, null, onHost])
    expect(await printed('teardown --all', given)).toMatchInlineSnapshot(`
      "
      took down web: tsnet eth0 10.89.0.2/24 fd12:3456:789a:1::2/64
      took down db: shop eth0 10.90.0.7/24
      took down db: backoffice-of-the-whole-company wan0 10.89.1.3/24
      took down metrics (host)
      "
    `)
    expect(JSON.parse(await printed('teardown --all --json', given))).toEqual([web, db, onHost])
    const nobody = { engine: { ...engine, list: async () => [] } }
    expect(await printed('teardown --all', nobody)).toBe('\n')
    expect(JSON.parse(await printed('teardown --all --json', nobody))).toEqual([])
  })

  it('goes on where one of several cannot be taken down, and tells each', async () => {
    const busy = (id: string): Error =>
      fail('TSNET_LOCK_TIMEOUT', { message: `taking down ${id}: another tsnet is at it`, hint: 'try again' })
    const teardown: Engine['teardown'] = async (selector) => {
      if ('container' in selector && selector.container === 'db') return db
      throw busy('container' in selector ? selector.container : '')
    }
    const one = await tsnet(['teardown', 'a', 'db'], { engine: { teardown } })
    expect(`\n${one.stdout}${one.stderr}exit ${one.code}\n`).toMatchInlineSnapshot(`
      "
      took down db: shop eth0 10.90.0.7/24
      took down db: backoffice-of-the-whole-company wan0 10.89.1.3/24
      tsnet: taking down a: another tsnet is at it
        hint: try again
      exit 75
      "
    `)
    const two = await tsnet(['teardown', 'a', 'db', 'b'], { engine: { teardown } })
    expect(`\n${two.stdout}${two.stderr}exit ${two.code}\n`).toMatchInlineSnapshot(`
      "
      took down db: shop eth0 10.90.0.7/24
      took down db: backoffice-of-the-whole-company wan0 10.89.1.3/24
      tsnet: taking down 2 of 3 containers: taking down a: another tsnet is at it
        not taken back: taking down b: another tsnet is at it
        hint: try again
      exit 1
      "
    `)
    const json = await tsnet(['teardown', 'a', 'db', '--json'], { engine: { teardown } })
    expect(JSON.parse(json.stdout)).toEqual([null, db])
  })
})

describe('ls', () => {
  it('keeps a container on one line in a pipe', async () => {
    expect(await printed('ls')).toMatchInlineSnapshot(`
      "
      ID            NAME  MODE    NETWORKS                              ADDRESSES                      PORTS
      8c1f6a0e2b77  web   bridge  tsnet                                 10.89.0.2,fd12:3456:789a:1::2  8080->80/tcp,127.0.0.1:5000-5009->5000-5009/udp
      db            -     bridge  shop,backoffice-of-the-whole-company  10.90.0.7,10.89.1.3            52785->5432/tcp
      metrics       -     host
      "
    `)
  })

  it('stacks addresses and shortens names to fit a terminal', async () => {
    expect(await printed('ls', { terminal: 80 })).toMatchInlineSnapshot(`
      "
      ID            NAME  MODE    NETWORKS        ADDRESSES            PORTS
      8c1f6a0e2b77  web   bridge  tsnet           10.89.0.2            8080->80/tcp
                                                  fd12:3456:789a:1::2  127.0.0.1:5000…
                                                                        ->5000-5009/u…
      db            -     bridge  shop            10.90.0.7            52785->5432/tcp
                                  backoffice-of…  10.89.1.3
      metrics       -     host
      "
    `)
  })

  it('shows ports of a routed family at the container, where they are open, as port does', async () => {
    const attachments = web.attachments.map((one) => ({ ...one, routed: [6] as const }))
    const routed = { engine: { ...engine, list: async () => [{ ...web, attachments }] } }
    const [, ports] = (await printed('ls', routed)).trim().split('\n')
    expect(ports?.split(/ +/).at(-1)).toBe(
      '8080->80/tcp,[fd12:3456:789a:1::2]:80->80/tcp,127.0.0.1:5000-5009->5000-5009/udp',
    )
  })

  it('prints ids alone under --quiet, records under --json', async () => {
    expect(await printed('ls -q')).toBe('\n8c1f6a0e2b77d1b7c0ffee\ndb\nmetrics\n')
    expect(JSON.parse(await printed('ls --json'))).toEqual([web, db, onHost])
  })

  it('prints its head when nothing is connected', async () => {
    expect(await printed('ls', { engine: { list: async () => [] } })).toMatchInlineSnapshot(`
      "
      ID  NAME  MODE  NETWORKS  ADDRESSES  PORTS
      "
    `)
  })
})

describe('port', () => {
  it('prints a line for each family a port is open in', async () => {
    expect(await printed('port web')).toMatchInlineSnapshot(`
      "
      80/tcp -> 0.0.0.0:8080
      80/tcp -> [::]:8080
      5000-5009/udp -> 127.0.0.1:5000-5009
      "
    `)
  })

  it('prints bindings with their interface under --json', async () => {
    expect(JSON.parse(await printed('port web --json'))).toEqual([
      { network: 'tsnet', ifname: 'eth0', hostPort: 8080, containerPort: 80, count: 1, protocol: 'tcp' },
      {
        network: 'tsnet',
        ifname: 'eth0',
        hostAddress: '127.0.0.1',
        hostPort: 5000,
        containerPort: 5000,
        count: 10,
        protocol: 'udp',
      },
    ])
  })
})

describe('port with a port of the container', () => {
  it('prints where it is published, of a range that one port', async () => {
    expect(await printed('port web 80')).toBe('\n0.0.0.0:8080\n[::]:8080\n')
    expect(await printed('port web 80/tcp')).toBe('\n0.0.0.0:8080\n[::]:8080\n')
    expect(await printed('port --id web 5003/udp')).toBe('\n127.0.0.1:5003\n')
    expect(JSON.parse(await printed('port web 5003/udp --json'))).toEqual([
      {
        network: 'tsnet',
        ifname: 'eth0',
        hostAddress: '127.0.0.1',
        hostPort: 5003,
        containerPort: 5003,
        count: 1,
        protocol: 'udp',
      },
    ])
  })

  it('says what is published where that one is not', async () => {
    const told = async (line: string): Promise<string> => {
      const { code, stdout, stderr } = await tsnet(line.split(' '), { engine })
      expect(stdout).toBe('')
      return `\n${stderr}exit ${code}\n`
    }
    expect(await told('port web 80/udp')).toMatchInlineSnapshot(`
      "
      tsnet: finding port 80/udp of web: it is not published
        field: PORT
        value: 80/udp
        hint: published are 80/tcp -> 0.0.0.0:8080, 80/tcp -> [::]:8080, 5000-5009/udp -> 127.0.0.1:5000-5009
      exit 3
      "
    `)
    expect(await told('port web 5010/udp')).toMatchInlineSnapshot(`
      "
      tsnet: finding port 5010/udp of web: it is not published
        field: PORT
        value: 5010/udp
        hint: published are 80/tcp -> 0.0.0.0:8080, 80/tcp -> [::]:8080, 5000-5009/udp -> 127.0.0.1:5000-5009
      exit 3
      "
    `)
    expect(await told('port web 80-81')).toMatchInlineSnapshot(`
      "
      tsnet: reading PORT: "80-81" is a range, and one port is asked for
        field: PORT
        value: 80-81
        hint: name one port of it, or none to see all
      exit 2
      "
    `)
    expect(await told('port web http')).toMatchInlineSnapshot(`
      "
      tsnet: reading PORT: "http" is no port from 1 to 65535
        field: PORT
        value: http
        hint: write a number from 1 to 65535
      exit 2
      "
    `)
    const bare = await tsnet(['port', 'metrics', '80'], { engine: { inspect: async () => onHost } })
    expect(`\n${bare.stderr}`).toMatchInlineSnapshot(`
      "
      tsnet: finding port 80/tcp of metrics: it is not published
        field: PORT
        value: 80/tcp
        hint: metrics publishes no ports
      "
    `)
  })
})

describe('inspect', () => {
  it('prints JSON with or without --json', async () => {
    expect(JSON.parse(await printed('inspect web'))).toEqual(web)
    expect(JSON.parse(await printed('inspect web --json'))).toEqual(web)
    expect(JSON.parse(await printed('network inspect shop'))).toEqual(shop)
  })
})

describe('network', () => {
  it('create prints what was made', async () => {
    expect(await printed('network create shop')).toMatchInlineSnapshot(`
      "
      network     shop  bridge ts-shop-8d900
      subnet      10.90.0.0/24  gateway 10.90.0.1  from 10.90.0.128/25
                  fd00:90::/64  gateway fd00:90::1
      reserved    10.90.0.200 printer
      options     mtu=1400 icc=false
      "
    `)
    expect(await printed('network create shop --quiet')).toBe('\nshop\n')
  })

  it('ls prints what is not as every network has it as options', async () => {
    expect(await printed('network ls')).toMatchInlineSnapshot(`
      "
      NAME   DRIVER  SUBNET                     GATEWAY               CONTAINERS  OPTIONS
      shop   bridge  10.90.0.0/24,fd00:90::/64  10.90.0.1,fd00:90::1  0           mtu=1400,icc=false,down
      tsnet  bridge  10.89.0.0/24               10.89.0.1             1           ephemeral
      "
    `)
    expect(await printed('network ls', { terminal: 80 })).toMatchInlineSnapshot(`
      "
      NAME   DRIVER  SUBNET        GATEWAY     CONTAINERS  OPTIONS
      shop   bridge  10.90.0.0/24  10.90.0.1   0           mtu=1400
                     fd00:90::/64  fd00:90::1              icc=false
                                                           down
      tsnet  bridge  10.89.0.0/24  10.89.0.1   1           ephemeral
      "
    `)
    expect(await printed('network ls -q')).toBe('\nshop\ntsnet\n')
  })

  it('ls and create print how each family gets in, and from whom it is closed', async () => {
    const options = {
      ...shop.config.options,
      gatewayMode4: 'nat-unprotected',
      gatewayMode6: 'routed',
      isolateFrom: 'isolated',
      addressed: false,
    } as const
    const other = { ...shop, config: { ...shop.config, options } }
    const given = {
      engine: { ...engine, listNetworks: async () => [other], createNetwork: async () => other.config },
    }
    const said =
      'isolate-from=isolated gateway-mode-ipv4=nat-unprotected gateway-mode-ipv6=routed addressed=false'
    expect(await printed('network ls', given)).toContain(said.replaceAll(' ', ','))
    expect(await printed('network create shop', given)).toContain(said)
  })

  it('rm and prune print the names that are gone', async () => {
    expect(await printed('network rm a b')).toBe('\na\nb\n')
    expect(JSON.parse(await printed('network rm a b --json'))).toEqual({ removed: ['a', 'b'] })
    expect(await printed('network prune')).toBe('\nshop\nblue\n')
    const idle = { engine: { pruneNetworks: async () => [] } }
    expect(await printed('network prune', idle)).toBe('\nno network is unused\n')
    expect(JSON.parse(await printed('network prune --json', idle))).toEqual({ removed: [] })
  })
})

describe('check', () => {
  const findings: readonly Finding[] = [
    {
      kind: 'step',
      step: 'veth',
      subject: 'web',
      what: 'link web-3f2a1 is gone',
      hint: 'tsnet teardown web, then set it up again',
    },
    {
      kind: 'step',
      step: 'address',
      subject: 'web',
      what: 'its address is gone',
      hint: 'tsnet teardown web, then set it up again',
    },
    {
      kind: 'step',
      step: 'linkUp',
      subject: 'shop',
      what: 'bridge ts-shop-8d900 is down',
      hint: 'ip link set ts-shop-8d900 up',
    },
  ]

  it('says that all is well with exit code 0', async () => {
    expect(await printed('check')).toBe('\nok: everything is as it was set up\n')
    expect(await printed('check --json')).toBe('\n[]\n')
  })

  it('prints findings with exit code 5', async () => {
    const { code, stdout } = await tsnet(['check'], { engine: { check: async () => findings } })
    expect(code).toBe(5)
    expect(`\n${stdout}`).toMatchInlineSnapshot(`
      "
      web
        link web-3f2a1 is gone
        its address is gone
        hint: tsnet teardown web, then set it up again
      shop
        bridge ts-shop-8d900 is down
        hint: ip link set ts-shop-8d900 up
      "
    `)
    const json = await tsnet(['check', '--json'], { engine: { check: async () => findings } })
    expect({ code: json.code, findings: JSON.parse(json.stdout) }).toEqual({ code: 5, findings })
  })
})

describe('gc', () => {
  it('prints a line for each thing it took away', async () => {
    expect(await printed('gc')).toBe('\nnothing to clean up\n')
    const report = {
      containers: ['web'],
      pending: ['db'],
      leases: ['10.89.0.2'],
      ports: ['tcp 8080'],
      networks: ['tsnet'],
      rules: 3,
    }
    expect(await printed('gc', { engine: { gc: async () => report } })).toMatchInlineSnapshot(`
      "
      took down web
      took back half-done work of db
      freed address 10.89.0.2
      freed port tcp 8080
      removed network tsnet
      put back packet rules of tsnet that were gone
      "
    `)
  })
})

describe('colour', () => {
  it('is used on a terminal only, and not under NO_COLOR', async () => {
    const colour = '\u001b['
    expect(await printed('ls', { terminal: 80, env: { NO_COLOR: '' } })).toContain(colour)
    expect(await printed('ls', { terminal: 80, env: { NO_COLOR: '', TERM: 'dumb' } })).not.toContain(colour)
    expect(await printed('ls', { terminal: 80 })).not.toContain(colour)
    expect(await printed('ls', { env: { NO_COLOR: '' } })).not.toContain(colour)
  })
})

describe('--verbose', () => {
  it('tells every step on standard error as it is applied', async () => {
    const { opened, stderr } = await tsnet(['ls', '-v'], { engine })
    expect({ told: typeof opened?.onStep, stderr }).toEqual({ told: 'function', stderr: '' })
    expect((await tsnet(['ls'], { engine })).opened).toEqual({})
  })
})

it('what the engine warns of is told on standard error, and nothing else changes', async () => {
  const [told, quiet] = [
    await tsnet(['ls'], { engine, warning: 'reading /f: bad' }),
    await tsnet(['ls'], { engine }),
  ]
  expect(told).toMatchObject({ code: quiet.code, stdout: quiet.stdout, stderr: 'tsnet: reading /f: bad\n' })
})
