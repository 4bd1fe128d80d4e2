import { describe, expect, it } from 'vitest'
import { fail } from '../../../lib/index.ts'
import { type Given, tsnet } from './command-line.ts'

/** What a person sees of a wrong command line, and the exit code behind it. The engine must not be opened. */
async function mistake(line: string, given: Given = {}): Promise<string> {
  const { code, stdout, stderr, opened } = await tsnet(line === '' ? [] : line.split(' '), given)
  expect({ stdout, opened }).toEqual({ stdout: '', opened: undefined })
  return `\n${stderr}exit ${code}\n`
}

describe('a command line that cannot be understood', () => {
  it('names the command or flag that was probably meant', async () => {
    expect(await mistake('')).toMatchInlineSnapshot(`
      "
      tsnet: a command is missing
        hint: see tsnet help
      exit 2
      "
    `)
    expect(await mistake('setpu')).toMatchInlineSnapshot(`
      "
      tsnet: unknown command 'setpu'
        hint: did you mean setup? see tsnet help
      exit 2
      "
    `)
    expect(await mistake('network')).toMatchInlineSnapshot(`
      "
      tsnet: a command is missing
        hint: see tsnet help
      exit 2
      "
    `)
    expect(await mistake('network creat')).toMatchInlineSnapshot(`
      "
      tsnet: unknown command 'creat'
        hint: did you mean create? see tsnet help network
      exit 2
      "
    `)
    expect(await mistake('help setpu')).toMatchInlineSnapshot(`
      "
      tsnet: unknown command 'setpu'
        hint: did you mean setup? see tsnet help
      exit 2
      "
    `)
    expect(await mistake('setup --netnss /x')).toMatchInlineSnapshot(`
      "
      tsnet: unknown option '--netnss'
        hint: did you mean --netns? see tsnet help setup
      exit 2
      "
    `)
    expect(await mistake('--jsn ls')).toMatchInlineSnapshot(`
      "
      tsnet: unknown option '--jsn'
        hint: did you mean --json? see tsnet help
      exit 2
      "
    `)
    expect(await mistake('ls -x')).toMatchInlineSnapshot(`
      "
      tsnet: unknown option '-x'
        hint: see tsnet help ls
      exit 2
      "
    `)
  })

  it('says which argument is missing or too much', async () => {
    expect(await mistake('network create')).toMatchInlineSnapshot(`
      "
      tsnet: missing required argument 'name'
        hint: see tsnet help network create
      exit 2
      "
    `)
    expect(await mistake('network rm')).toMatchInlineSnapshot(`
      "
      tsnet: missing required argument 'name'
        hint: see tsnet help network rm
      exit 2
      "
    `)
    expect(await mistake('setup --pid')).toMatchInlineSnapshot(`
      "
      tsnet: option '--pid <pid>' has no value
        hint: see tsnet help setup
      exit 2
      "
    `)
    expect(await mistake('setup --pid 3 web')).toMatchInlineSnapshot(`
      "
      tsnet: unexpected argument 'web'
        hint: see tsnet help setup
      exit 2
      "
    `)
    expect(await mistake('setup --pid 3 -- --json')).toMatchInlineSnapshot(`
      "
      tsnet: unexpected argument '--json'
        hint: see tsnet help setup
      exit 2
      "
    `)
    expect(await mistake('inspect a b')).toMatchInlineSnapshot(`
      "
      tsnet: unexpected argument 'b'
        hint: see tsnet help inspect
      exit 2
      "
    `)
    expect(await mistake('port a 80 b')).toMatchInlineSnapshot(`
      "
      tsnet: unexpected argument 'b'
        hint: see tsnet help port
      exit 2
      "
    `)
  })

  it('asks for the one namespace or container it is about', async () => {
    expect(await mistake('setup')).toMatchInlineSnapshot(`
      "
      tsnet: no namespace given
        hint: give --netns PATH, --pid PID or --name NAME; see tsnet help setup
      exit 2
      "
    `)
    expect(await mistake('setup --pid 3 --name x')).toMatchInlineSnapshot(`
      "
      tsnet: reading --pid: a namespace is given in several ways
        field: --pid
        hint: give one of a path such as /proc/PID/ns/net, a pid, or a name below /run/netns
      exit 2
      "
    `)
    expect(await mistake('teardown')).toMatchInlineSnapshot(`
      "
      tsnet: no container given
        hint: give its id or name, or --netns, --pid or --name; tsnet ls lists what is set up
      exit 2
      "
    `)
    expect(await mistake('teardown web --id c1')).toMatchInlineSnapshot(`
      "
      tsnet: the container is selected in several ways
        hint: give one of CONTAINER, --id, --container-name, --netns, --pid, --name
      exit 2
      "
    `)
    expect(await mistake('teardown web db --pid 3')).toMatchInlineSnapshot(`
      "
      tsnet: the container is selected in several ways
        hint: give one of CONTAINER, --id, --container-name, --netns, --pid, --name
      exit 2
      "
    `)
    expect(await mistake('teardown web --all')).toMatchInlineSnapshot(`
      "
      tsnet: --all means every container, and one is named beside it
        hint: leave one of the two out
      exit 2
      "
    `)
    expect(await mistake('teardown --all --id web')).toMatchInlineSnapshot(`
      "
      tsnet: --all means every container, and one is named beside it
        hint: leave one of the two out
      exit 2
      "
    `)
    expect(await mistake('inspect web --pid 3')).toMatchInlineSnapshot(`
      "
      tsnet: the container is selected in several ways
        hint: give one of CONTAINER, --id, --container-name, --netns, --pid, --name
      exit 2
      "
    `)
  })

  it('is told as one JSON document on standard error under --json', async () => {
    expect(await mistake('setup --json --netnss /x')).toMatchInlineSnapshot(`
      "
      {
        "error": {
          "code": "TSNET_USAGE",
          "kind": "invalid",
          "message": "unknown option '--netnss'",
          "hint": "did you mean --netns? see tsnet help setup",
          "retryable": false
        }
      }
      exit 2
      "
    `)
  })
})

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
        hint: give IPv6 addresses with ip6
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

describe('an error of the engine', () => {
  const broken = fail('TSNET_STEP_FAILED', {
    message: 'adding link web-1: the kernel says no',
    hint: 'run "tsnet gc"',
    cause: new Error('EINVAL'),
  })
  broken.undo.push(new Error('EBUSY'))
  const engine = {
    setup: async () => {
      throw broken
    },
    list: async () => {
      throw new TypeError('x is not a function')
    },
  }

  it('is printed with what could not be taken back', async () => {
    const { code, stderr } = await tsnet(['setup', '--pid', '3'], { engine })
    expect({ code, stderr: stderr.replace(/\n +at .*/g, '') }).toMatchInlineSnapshot(`
      {
        "code": 1,
        "stderr": "tsnet: adding link web-1: the kernel says no
        not taken back: Error: EBUSY
        hint: run "tsnet gc"
      ",
      }
    `)
  })

  it('is printed as JSON under --json', async () => {
    expect(await tsnet(['setup', '--pid', '3', '--json'], { engine })).toMatchObject({
      code: 1,
      stdout: '',
      stderr: `${JSON.stringify({ error: broken.toJSON() }, null, 2)}\n`,
    })
  })

  it('that nobody foresaw asks to be reported', async () => {
    const { code, stderr } = await tsnet(['ls'], { engine })
    expect({ code, stderr }).toMatchInlineSnapshot(`
      {
        "code": 1,
        "stderr": "tsnet: x is not a function
        hint: this is a fault of tsnet: please report it
      ",
      }
    `)
  })
})
