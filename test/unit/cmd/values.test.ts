import { describe, expect, it } from 'vitest'
import { mistake } from './command-line.ts'

describe('a value that cannot be used', () => {
  it('is named with its flag before anything is opened', async () => {
    expect(await mistake('setup --pid 0')).toMatchInlineSnapshot(`
      "
      tsnet: reading --pid: "0" is no pid
        field: --pid
        value: 0
        hint: give one of a path such as /proc/PID/ns/net, a pid, or a name below /run/netns
      exit 2
      "
    `)
    expect(await mistake('setup --name a/b')).toMatchInlineSnapshot(`
      "
      tsnet: reading --name: "a/b" is no name of a namespace
        field: --name
        value: a/b
        hint: give one of a path such as /proc/PID/ns/net, a pid, or a name below /run/netns
      exit 2
      "
    `)
    expect(await mistake('setup --pid 3 -p 80800:80')).toMatchInlineSnapshot(`
      "
      tsnet: reading --publish: "80800" is no port from 1 to 65535
        field: --publish
        value: 80800
        hint: write a number from 1 to 65535
      exit 2
      "
    `)
    expect(await mistake('setup --pid 3 -p 80/icmp')).toMatchInlineSnapshot(`
      "
      tsnet: reading --publish: "icmp" is no protocol that can be published
        field: --publish
        value: icmp
        hint: use tcp, udp or sctp
      exit 2
      "
    `)
    expect(await mistake('setup --pid 3 --expose web')).toMatchInlineSnapshot(`
      "
      tsnet: reading --expose: "web" is no port from 1 to 65535
        field: --expose
        value: web
        hint: write a number from 1 to 65535
      exit 2
      "
    `)
    expect(await mistake('setup --pid 3 --network shop:ipp=10.0.0.1')).toMatchInlineSnapshot(`
      "
      tsnet: reading --network: unknown setting "ipp" in "shop:ipp=10.0.0.1"
        field: --network
        value: shop:ipp=10.0.0.1
        hint: did you mean "ip"?
      exit 2
      "
    `)
    expect(await mistake('setup --pid 3 --network host --network shop')).toMatchInlineSnapshot(`
      "
      tsnet: reading --network: host, none and container:ID cannot be combined with other networks
        field: --network
        hint: give a mode alone, or networks only
      exit 2
      "
    `)
    expect(await mistake('setup --pid 3 --ip 10.89.0')).toMatchInlineSnapshot(`
      "
      tsnet: reading --ip: "10.89.0" is no IP address
        field: --ip
        value: 10.89.0
        hint: write four decimal numbers such as 10.89.0.2, or IPv6 such as fd00::2
      exit 2
      "
    `)
    expect(await mistake('setup --pid 3 --ip fd00::2')).toMatchInlineSnapshot(`
      "
      tsnet: reading --ip: "fd00::2" is an IPv6 address, IPv4 is wanted here
        field: --ip
        value: fd00::2
        hint: give IPv6 addresses with --ip6
      exit 2
      "
    `)
    expect(await mistake('setup --pid 3 --ip6 10.89.0.5')).toMatchInlineSnapshot(`
      "
      tsnet: reading --ip6: "10.89.0.5" is an IPv4 address, IPv6 is wanted here
        field: --ip6
        value: 10.89.0.5
        hint: give IPv4 addresses with --ip
      exit 2
      "
    `)
    expect(await mistake('setup --pid 3 --network shop:ip6=10.89.0.5')).toMatchInlineSnapshot(`
      "
      tsnet: reading --network ip6: "10.89.0.5" is an IPv4 address, IPv6 is wanted here
        field: --network ip6
        value: 10.89.0.5
        hint: give IPv4 addresses with ip
      exit 2
      "
    `)
    expect(await mistake('network connect shop web --ip fd00::2')).toMatchInlineSnapshot(`
      "
      tsnet: reading --ip: "fd00::2" is an IPv6 address, IPv4 is wanted here
        field: --ip
        value: fd00::2
        hint: give IPv6 addresses with --ip6
      exit 2
      "
    `)
    expect(await mistake('setup --pid 3 -p 8080:0')).toMatchInlineSnapshot(`
      "
      tsnet: reading --publish: "0" is no port from 1 to 65535
        field: --publish
        value: 0
        hint: write a number from 1 to 65535
      exit 2
      "
    `)
    expect(await mistake('setup --pid 3 -p 0:80')).toMatchInlineSnapshot(`
      "
      tsnet: reading --publish: "0" is no port from 1 to 65535
        field: --publish
        value: 0
        hint: leave the host port out to have one chosen
      exit 2
      "
    `)
    expect(await mistake('setup --pid 3 -p 8080:')).toMatchInlineSnapshot(`
      "
      tsnet: reading --publish: a port is missing in "8080:"
        field: --publish
        value: 8080:
        hint: write a number from 1 to 65535
      exit 2
      "
    `)
    expect(await mistake('top -s 100')).toMatchInlineSnapshot(`
      "
      tsnet: --seconds: "100" is no whole number from 1 to 60
        hint: such as --seconds 10
      exit 2
      "
    `)
    expect(await mistake('network update shop --isolate maybe')).toMatchInlineSnapshot(`
      "
      tsnet: reading --isolate: "maybe" is neither true nor false
        field: --isolate
        value: maybe
        hint: write true or false
      exit 2
      "
    `)
    expect(await mistake('network create shop --subnet fd00:90::/129')).toMatchInlineSnapshot(`
      "
      tsnet: reading --subnet: "fd00:90::/129" is no prefix such as fd00:90::/64
        field: --subnet
        value: fd00:90::/129
        hint: write ADDRESS/LENGTH
      exit 2
      "
    `)
    expect(await mistake('setup --pid 3 --mac 01:00:5e:00:00:01')).toMatchInlineSnapshot(`
      "
      tsnet: reading --mac: "01:00:5e:00:00:01" is no unicast MAC address
        field: --mac
        value: 01:00:5e:00:00:01
        hint: write six hex pairs with an even first one, such as 02:42:0a:59:00:02
      exit 2
      "
    `)
    expect(await mistake('setup --pid 3 --mtu 20')).toMatchInlineSnapshot(`
      "
      tsnet: reading --mtu: 20 is no MTU: a number of bytes from 68 to 65535
        field: --mtu
        value: 20
        hint: leave it out to follow the route out of the host
      exit 2
      "
    `)
    expect(await mistake('setup --pid 3 --dns resolver')).toMatchInlineSnapshot(`
      "
      tsnet: reading --dns: "resolver" is no IP address
        field: --dns
        value: resolver
        hint: write four decimal numbers such as 10.89.0.2, or IPv6 such as fd00::2
      exit 2
      "
    `)
    expect(await mistake('setup --pid 3 --add-host db')).toMatchInlineSnapshot(`
      "
      tsnet: reading --add-host: "db" has a name and no address
        field: --add-host
        value: db
        hint: write NAME:IP, or NAME:host-gateway
      exit 2
      "
    `)
    expect(await mistake('setup --pid 3 --sysctl kernel.hostname=x')).toMatchInlineSnapshot(`
      "
      tsnet: reading --sysctl: "kernel.hostname" does not belong to a network namespace
        field: --sysctl
        value: kernel.hostname
        hint: only keys that begin with net. can be set for one container
      exit 2
      "
    `)
    expect(await mistake('setup --pid 3 --label =x')).toMatchInlineSnapshot(`
      "
      tsnet: reading --label: "=x" has no key
        field: --label
        value: =x
        hint: write KEY=VALUE
      exit 2
      "
    `)
    expect(await mistake('setup --pid 3 --firewall ipfw')).toMatchInlineSnapshot(`
      "
      tsnet: reading --firewall: "ipfw" is no firewall backend
        field: --firewall
        value: ipfw
        hint: use iptables, nftables or none
      exit 2
      "
    `)
    expect(await mistake('ls', { env: { TSNET_FIREWALL: 'ipfw' } })).toMatchInlineSnapshot(`
      "
      tsnet: reading TSNET_FIREWALL: "ipfw" is no firewall backend
        field: TSNET_FIREWALL
        value: ipfw
        hint: use iptables, nftables or none
      exit 2
      "
    `)
  })

  it('is refused where another flag says the same', async () => {
    expect(await mistake('setup --pid 3 --network shop:ip=10.0.0.2 --ip 10.0.0.3')).toMatchInlineSnapshot(`
      "
      tsnet: reading --ip: --network shop has one already
        field: --ip
        value: 10.0.0.3
        hint: leave one of the two out
      exit 2
      "
    `)
    expect(await mistake('setup --pid 3 --network shop:mtu=1400 --mtu 1500')).toMatchInlineSnapshot(`
      "
      tsnet: reading --mtu: --network shop has one already
        field: --mtu
        value: 1500
        hint: leave one of the two out
      exit 2
      "
    `)
    expect(await mistake('setup --pid 3 --network none --ip 10.0.0.3')).toMatchInlineSnapshot(`
      "
      tsnet: reading --ip: mode none joins no networks
        field: --ip
        value: 10.0.0.3
        hint: leave --ip out
      exit 2
      "
    `)
    expect(await mistake('setup --pid 3 --network host --default-route shop')).toMatchInlineSnapshot(`
      "
      tsnet: reading --default-route: mode host joins no networks
        field: --default-route
        value: shop
        hint: leave --default-route out
      exit 2
      "
    `)
    expect(await mistake('setup --pid 3 --default-route blue')).toMatchInlineSnapshot(`
      "
      tsnet: reading --default-route: "blue" is none of the networks joined here
        field: --default-route
        value: blue
        hint: joined are tsnet
      exit 2
      "
    `)
    expect(await mistake('setup --pid 3 --network shop --default-route blue')).toMatchInlineSnapshot(`
      "
      tsnet: reading --default-route: "blue" is none of the networks joined here
        field: --default-route
        value: blue
        hint: joined are shop
      exit 2
      "
    `)
  })

  it('is found in the JSON of --config by its path', async () => {
    const files = { '-': '{"sandbox": "/run/netns/x", "publish": ["80", 81]}', 'cut.json': '{"sandbox": ' }
    expect(await mistake('setup --config -', { files })).toMatchInlineSnapshot(`
      "
      tsnet: reading publish[1]: it is 81, a string or an object is needed
        field: publish[1]
        value: 81
        hint: give a string or an object
      exit 2
      "
    `)
    expect(await mistake('setup --config cut.json', { files })).toMatchInlineSnapshot(`
      "
      tsnet: reading cut.json: line 1, column 13 in sandbox: it ends too early
        field: sandbox
        hint: mend the JSON there; "jq . FILE" checks it
      exit 2
      "
    `)
    expect(await mistake('setup --config nowhere.json', { files })).toMatchInlineSnapshot(`
      "
      tsnet: reading --config: ENOENT: no such file or directory, open 'nowhere.json'
        field: --config
        value: nowhere.json
        hint: give a readable file, or -
      exit 2
      "
    `)
    expect(await mistake('setup --config - --pid 3 -p 80', { files })).toMatchInlineSnapshot(`
      "
      tsnet: --config holds the whole request, --publish cannot stand beside it
        hint: put it into the document
      exit 2
      "
    `)
  })

  it('is a name, where a network or a container is named that may come later', async () => {
    const words = ['--network a/b', '--network host', '--container -x/y']
    const said = await Promise.all(words.map((given) => mistake(`dns route corp.example=10.1.1.53 ${given}`)))
    expect(said.map((text) => text.split('\n')[1])).toMatchInlineSnapshot(`
      [
        "tsnet: reading --network: "a/b" is no name for a network",
        "tsnet: reading --network: "host" means a network mode",
        "tsnet: reading --container: "-x/y" is no name or id of a container",
      ]
    `)
    expect(await mistake('dns query web --network a/b')).toContain('field: --network\n')
  })

  it('of a name server to be tried is named as it was given', async () => {
    expect(await mistake('dns conformance 192.0.2.53 --port foo')).toMatchInlineSnapshot(`
      "
      tsnet: reading --port: "foo" is no port from 1 to 65535
        field: --port
        value: foo
        hint: write a number from 1 to 65535
      exit 2
      "
    `)
    expect(await mistake('dns conformance 192.0.2.53 --port 99999')).toMatchInlineSnapshot(`
      "
      tsnet: reading --port: "99999" is no port from 1 to 65535
        field: --port
        value: 99999
        hint: write a number from 1 to 65535
      exit 2
      "
    `)
    expect(await mistake('dns conformance web')).toMatchInlineSnapshot(`
      "
      tsnet: reading ADDRESS: "web" is no IP address
        field: ADDRESS
        value: web
        hint: write four decimal numbers such as 10.89.0.2, or IPv6 such as fd00::2
      exit 2
      "
    `)
  })

  it('of a network is named with its flag', async () => {
    expect(await mistake('network create host')).toMatchInlineSnapshot(`
      "
      tsnet: reading NAME: "host" means a network mode
        field: NAME
        value: host
        hint: choose another name
      exit 2
      "
    `)
    expect(await mistake('network create shop --driver mac/vlan')).toMatchInlineSnapshot(`
      "
      tsnet: reading --driver: "mac/vlan" is no name of a driver
        field: --driver
        value: mac/vlan
        hint: use bridge
      exit 2
      "
    `)
    expect(await mistake('network create shop --subnet 10.90.0.1/24')).toMatchInlineSnapshot(`
      "
      tsnet: reading --subnet: 10.90.0.1/24 has bits set beyond its prefix length
        field: --subnet
        value: 10.90.0.1/24
        hint: write 10.90.0.0/24
      exit 2
      "
    `)
    expect(await mistake('network create shop --gateway 10.90.0.1')).toMatchInlineSnapshot(`
      "
      tsnet: reading --gateway: 10.90.0.1 lies in no --subnet
        field: --gateway
        value: 10.90.0.1
        hint: give the subnet too, with --subnet
      exit 2
      "
    `)
    expect(
      await mistake('network create shop --subnet 10.90.0.0/24 --ip-range 10.91.0.0/25'),
    ).toMatchInlineSnapshot(`
      "
      tsnet: reading --ip-range: 10.91.0.0/25 lies in no --subnet
        field: --ip-range
        value: 10.91.0.0/25
        hint: it must lie in 10.90.0.0/24
      exit 2
      "
    `)
    const twice = '--subnet 10.90.0.0/24 --gateway 10.90.0.1 --gateway 10.90.0.2'
    expect(await mistake(`network create shop ${twice}`)).toMatchInlineSnapshot(`
      "
      tsnet: reading --gateway: 10.90.0.0/24 has two, 10.90.0.1 and 10.90.0.2
        field: --gateway
        value: 10.90.0.2
        hint: leave one of them out
      exit 2
      "
    `)
    expect(await mistake('network create shop -o mtuu=1400')).toMatchInlineSnapshot(`
      "
      tsnet: reading --opt: unknown option "mtuu"
        field: --opt
        value: mtuu
        hint: did you mean "mtu"?
      exit 2
      "
    `)
    expect(await mistake('network create shop -o icc=maybe')).toMatchInlineSnapshot(`
      "
      tsnet: reading --opt icc: "maybe" is neither true nor false
        field: --opt icc
        value: maybe
        hint: write true or false
      exit 2
      "
    `)
  })
})

describe('a daemon that is started with a wrong value', () => {
  it.each([
    ['--log-level loud', 'use error, warn, info, debug'],
    ['--idle-exit soon', 'such as 300'],
    ['--metrics-port 70000', 'such as 9123'],
  ])('%s is told which ones there are', async (words, hint) => {
    const said = await mistake(`daemon run ${words}`)
    const [flag = '', value = ''] = words.split(' ')
    expect(said).toContain(`tsnet: reading ${flag}: "${value}" is no `)
    expect(said).toContain(hint)
    expect(said).toMatch(/exit 2\n$/)
  })
})
