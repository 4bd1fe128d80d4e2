/**
 * Every parser that reads what somebody else wrote: how sound input of it looks,
 * what reads it, and which errors it may answer with.
 *
 * @module
 */
import { readConf } from '../../../lib/adapters/cni/config.ts'
import { readArgs, readCall } from '../../../lib/adapters/cni/environment.ts'
import { CniError } from '../../../lib/adapters/cni/errors.ts'
import { allVersions } from '../../../lib/adapters/cni/versions.ts'
import { decoders } from '../../../lib/adapters/docker/messages.ts'
import { readNetworkOptions } from '../../../lib/adapters/docker/options.ts'
import { parseFile } from '../../../lib/adapters/netavark/aardvarkfile.ts'
import { decodeCreateRequest } from '../../../lib/adapters/netavark/createrequest.ts'
import { NetavarkError } from '../../../lib/adapters/netavark/errors.ts'
import { bridgeSettings } from '../../../lib/adapters/netavark/options.ts'
import { decodeNetworkOptions } from '../../../lib/adapters/netavark/request.ts'
import { decodeState } from '../../../lib/adapters/oci/state.ts'
import { wishesOfAnnotations, wishesOfFile } from '../../../lib/adapters/oci/wishes.ts'
import { encodeFrame, frameReader } from '../../../lib/daemon/frames.ts'
import { decodeInvocation, encodeInvocation } from '../../../lib/daemon/invocation.ts'
import { decodeMessage, encodeMessage } from '../../../lib/dhcp/message.ts'
import { leaseOf } from '../../../lib/dhcp/options.ts'
import { lineReader, type Request, readRequest } from '../../../lib/dns/control.ts'
import { parseHosts } from '../../../lib/dns/hostsfile.ts'
import type { Batch } from '../../../lib/dns/listening.ts'
import { parseResolvConf } from '../../../lib/dns/resolvconf.ts'
import { createNameServer, type NameServer } from '../../../lib/dns/server.ts'
import { ownerOf } from '../../../lib/engine/heal/orphans.ts'
import { isTsnetError } from '../../../lib/errors/codes.ts'
import { addrAdd, decodeAddresses } from '../../../lib/kernel/netlink/addr.ts'
import { decodeMessages, encodeBatch } from '../../../lib/kernel/netlink/encode.ts'
import { decodeFlow } from '../../../lib/kernel/netlink/flow.ts'
import { decodeFlowFact } from '../../../lib/kernel/netlink/flowdetail.ts'
import { bridgeAdd, decodeGroups, decodeLinks, vethAdd } from '../../../lib/kernel/netlink/link.ts'
import { decodeLinkDetails, decodeNsid } from '../../../lib/kernel/netlink/linkdetail.ts'
import { decodeNeighbours, neighbourSet } from '../../../lib/kernel/netlink/neighbour.ts'
import { decodeQdiscs } from '../../../lib/kernel/netlink/qdisc.ts'
import { decodeDefaults, decodeRoutes, routeAdd } from '../../../lib/kernel/netlink/route.ts'
import type { Address, Cidr, Mac, Subnet } from '../../../lib/model/address.ts'
import { parseJson } from '../../../lib/model/json.ts'
import { decodeCreateNetwork } from '../../../lib/model/networkrequest.ts'
import { decodeSetupRequest } from '../../../lib/model/request.ts'
import { parsePublish } from '../../../lib/model/specs/publish.ts'
import { describe } from '../../../lib/plan/describe.ts'
import type { VethStep } from '../../../lib/plan/step.ts'
import type { ContainerRecord, UnitRecord } from '../../../lib/state/records.ts'
import {
  containerFault,
  networkFault,
  ownerFault,
  routesFault,
  unitFault,
} from '../../../lib/state/shapes.ts'
import { createEndpoint, createNetwork } from '../adapters/docker/driver.ts'
import { podman4, podman6, port } from '../adapters/netavark/requests.ts'
import { networkDocument, publishSpec, setupDocument } from '../model/fuzz/grammar.ts'
import type { Random } from '../model/fuzz/random.ts'
import { damagedBytes, damagedJson, scratched } from './damage.ts'

export interface Door {
  readonly name: string
  /** One input. @returns whether it got past the decoder @throws what `may` knows, or it is a fault */
  readonly tryOne: (random: Random) => boolean | Promise<boolean>
  readonly may: (error: unknown) => boolean
}

const registered = (error: unknown): boolean =>
  isTsnetError(error) && error.kind !== 'internal' && error.message !== ''

/** Reads; what comes back without an error is past the decoder. */
function door(name: string, read: (random: Random) => unknown, may: Door['may'] = registered): Door {
  const past = (found: unknown): boolean => found !== undefined
  return {
    name,
    may,
    tryOne: (random) => {
      const found = read(random)
      return found instanceof Promise ? found.then(past) : past(found)
    },
  }
}

const cniConf = {
  cniVersion: '1.0.0',
  name: 'web',
  type: 'tsnet',
  bridge: 'cni0',
  ipMasq: true,
  capabilities: { portMappings: true },
  runtimeConfig: {
    portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }],
    mac: '02:42:0a:59:00:02',
  },
  args: { cni: { ips: ['10.89.0.7/24'] } },
  ipam: { type: 'host-local', ranges: [[{ subnet: '10.89.0.0/24' }]], routes: [{ dst: '0.0.0.0/0' }] },
  dns: { nameservers: ['10.89.0.1'], domain: 'x.test', search: ['x.test'], options: ['ndots:1'] },
  prevResult: {
    cniVersion: '1.0.0',
    interfaces: [{ name: 'eth0', mac: '02:42:0a:59:00:02', sandbox: '/proc/1/ns/net' }],
    ips: [{ address: '10.89.0.7/24', gateway: '10.89.0.1', interface: 0 }],
    routes: [{ dst: '0.0.0.0/0', gw: '10.89.0.1' }],
    dns: {},
  },
}

const cniEnv = {
  CNI_COMMAND: 'ADD',
  CNI_CONTAINERID: 'web-1',
  CNI_NETNS: '/proc/1/ns/net',
  CNI_IFNAME: 'eth0',
  CNI_ARGS: 'IgnoreUnknown=1;K8S_POD_NAME=web',
  CNI_PATH: '/opt/cni/bin',
}

const ociState = {
  ociVersion: '1.0.2',
  id: 'web',
  status: 'creating',
  pid: 4242,
  bundle: '/run/bundles/web',
  annotations: { 'net.tsnet.publish': '8080:80', 'net.tsnet.network': 'front', 'org.example': 'x' },
}

const call = {
  ...{
    protocol: 1,
    program: 'bridge',
    cwd: '/',
    netns: 'net:[4026531840]',
    mntns: 'mnt:[4026531841]',
    pid: 4242,
  },
  ...{ argv: ['add', 'x'], env: { CNI_COMMAND: 'ADD', PATH: '/bin' }, stdin: '{"name":"web"}' },
  ...{ columns: 80, errorColumns: 0, sandbox: { path: '/proc/1/ns/net', openPath: '/proc/4242/fd/7' } },
}

const mac = '02:42:0a:59:00:02' as Mac
const veth: VethStep = {
  kind: 'veth',
  where: 'host',
  name: 'web-1',
  mac,
  mtuBytes: 1500,
  alias: 'tsnet:web/eth0',
  bridge: 'tsnet0',
  peer: { name: 'eth0', mac },
}
/** What the kernel says of links has the shape of what it is told. */
const netlink = encodeBatch(
  [
    vethAdd(veth, { bridgeIndex: 7, netns: 33 }),
    bridgeAdd({
      kind: 'bridge',
      where: 'host',
      name: 'tsnet0',
      mac,
      mtuBytes: 1500,
      alias: 'tsnet:network/web',
    }),
    addrAdd(7, '10.89.0.2/24' as Cidr),
    addrAdd(7, 'fd00::2/64' as Cidr),
    routeAdd(
      { kind: 'route', where: 'host', to: '0.0.0.0/0' as Subnet, via: '10.89.0.1' as Address, dev: 'eth0' },
      7,
    ),
    neighbourSet(7, '10.89.0.3' as Address, mac),
  ],
  1,
)

const dhcpOffer = ((): Buffer => {
  const options = new Map([
    [1, Buffer.from([255, 255, 255, 0])],
    [3, Buffer.from([10, 0, 0, 1])],
    [51, Buffer.from([0, 0, 14, 16])],
    [54, Buffer.from([10, 0, 0, 1])],
    [121, Buffer.from([24, 192, 0, 2, 10, 0, 0, 1])],
  ])
  const message = encodeMessage({
    ...{ type: 'offer', transaction: 7, seconds: 0, broadcast: false, options },
    ...{
      clientAddress: '0.0.0.0',
      yourAddress: '10.0.0.9',
      mac: Buffer.from(mac.replaceAll(':', ''), 'hex'),
    },
  } as never)
  // As the server's.
  message[0] = 2
  return message
})()

const resolvConf =
  'search a.test b.test\nnameserver 10.0.0.1\nnameserver fe80::1%eth0\noptions ndots:1 edns0\n# end\n'

const hosts = '127.0.0.1\tlocalhost\n::1 localhost ip6-localhost # loop\n10.89.0.2 web web.test\n\n'

const aardvarkFile =
  '10.89.0.1,fd00::1 10.0.0.1\n' + 'abc123 10.89.0.2 fd00::2 web,alias 8.8.8.8\ndef456 10.89.0.3  db\n'

function scratchedText(sound: string, random: Random, most = 5): string {
  let text = sound
  for (let wounds = random.below(most + 1); wounds > 0; wounds--) text = scratched(text, random)
  return text
}

const zone = {
  networks: [
    { name: 'web', listen: ['10.89.0.1'], subnets: ['10.89.0.0/24'], internal: false, forwarders: [] },
  ],
  container: {
    ...{ id: 'abc123', names: ['web'], forwarders: ['10.0.0.1'], services: [] },
    endpoints: [{ network: 'web', addresses: ['10.89.0.2'], aliases: ['www'] }],
  },
}
const controlLines: readonly object[] = [
  { op: 'load', networks: zone.networks, containers: [zone.container], routes: [] },
  { op: 'put', ...zone },
  { op: 'drop', id: 'abc123' },
  { op: 'routes', routes: [{ domain: 'corp.test', servers: ['10.0.0.1'], network: 'web' }] },
]

/** A name server without a socket. */
function openZoneServer(): NameServer {
  const sockets = {
    openDatagramSocket: () => {
      throw new Error('no sockets here')
    },
    openListeningSocket: () => {
      throw new Error('no sockets here')
    },
    createDatagramBatch: () => ({}) as Batch,
    faultOf: () => 'internal' as const,
  }
  return createNameServer({ sockets, tcp: false, workers: () => [], complain: () => undefined })
}

const steps = [
  veth,
  { kind: 'linkUp', where: 'sandbox', dev: 'eth0', before: 'down' },
  { kind: 'address', where: 'sandbox', dev: 'eth0', cidr: '10.89.0.2/24' },
  { kind: 'route', where: 'sandbox', to: '0.0.0.0/0', via: '10.89.0.1', dev: 'eth0' },
  {
    ...{ kind: 'sysctl', where: 'host', key: 'net/ipv4/ip_forward', value: '1', before: '0' },
    ...{ keep: true, optional: false },
  },
  {
    kind: 'rules',
    where: 'host',
    tool: 'nft',
    add: 'add table inet tsnet\n',
    remove: 'delete table inet tsnet\n',
  },
  { kind: 'batch', where: 'host', tool: 'ip', add: ['link add x type dummy'], remove: ['link del x'] },
  {
    ...{ kind: 'conntrack', where: 'host', protocol: 'tcp', hostPort: 8080, count: 1 },
    ...{ containerAddress: '10.89.0.2', containerPort: 80 },
  },
  { kind: 'file', where: 'host', path: '/run/box/hosts', text: '127.0.0.1 localhost\n', mark: 'web' },
] as const

const containerRecord = {
  ...{ version: 1, id: 'web', container: 'web', networks: ['front'], name: 'web' },
  request: { sandbox: { path: '/run/netns/web' }, container: { id: 'web' }, mode: 'bridge', networks: [] },
  result: {
    container: { id: 'web', name: 'web' },
    sandbox: { path: '/run/netns/web', identity: { cookie: '4711', bootId: 'boot' } },
    mode: 'bridge',
    attachments: [
      {
        ...{ network: 'front', ifname: 'eth0', hostIfname: 'web-1', addresses: ['10.89.0.2/24'] },
        ...{ aliases: ['www'], ports: [{ hostPort: 8080, containerPort: 80, count: 1, protocol: 'tcp' }] },
      },
    ],
    ...{ hostAddresses: [], createdAt: '2026-11-22T00:00:00.000Z' },
  },
  steps: steps.map((step) => ({ of: 'eth0', step })),
}
const unitRecord = { version: 1, unit: 'network.front', steps: [steps[4], steps[5], steps[6]] }
const networkDefinition = {
  ...{ name: 'front', driver: 'bridge', internal: false, labels: { a: 'b' }, ephemeral: false },
  subnets: [{ subnet: '10.89.0.0/24', gateway: '10.89.0.1' }],
  options: { bridge: 'ts-front', icc: true, masquerade: true },
  createdAt: '2026-11-22T00:00:00.000Z',
}
const reservation = {
  record: 'web',
  container: 'web',
  path: '/run/netns/web',
  cookie: '4711',
  bootId: 'boot',
}
const nameRoutes = [{ domain: 'corp.test', servers: ['10.0.0.1'], network: 'front' }]

/** As the state room reads its files: what is no JSON, and what has not the outline, is no file of ours. */
function ours<T>(text: string, fault: (json: unknown) => string | undefined): T | undefined {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return undefined
  }
  return fault(json) === undefined ? (json as T) : undefined
}

export const doors: readonly Door[] = [
  door(
    'CNI: standard input',
    (random) => {
      const { runtimeConfig, args } = readConf(damagedJson(cniConf, random), allVersions)
      return [runtimeConfig, args]
    },
    (error) => error instanceof CniError,
  ),
  door(
    'CNI: environment',
    (random) => {
      const env = JSON.parse(
        damagedJson(cniEnv, { ...random, oneIn: (n) => n !== 12 && random.oneIn(n) }),
      ) as object
      const words = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, String(value)]))
      return readArgs(readCall(words).args, ['IgnoreUnknown'])
    },
    (error) => error instanceof CniError,
  ),
  door(
    'netavark: setup',
    (random) => {
      const text = random.oneIn(2) ? podman4() : podman6(({ call: it }) => (it['port_mappings'] = [port()]))
      const options = decodeNetworkOptions(damagedJson(JSON.parse(text), random))
      for (const network of options.networkInfo.values())
        bridgeSettings(network, { options: new Map() } as never, 2)
      return options
    },
    (error) => error instanceof NetavarkError,
  ),
  door(
    'netavark: create',
    (random) => {
      const { network_info: networks } = JSON.parse(podman6()) as { network_info: Record<string, object> }
      const network = { ...networks['front'], network_dns_servers: ['10.0.0.1'], options: { mtu: '1400' } }
      const used = { interfaces: [], names: {}, subnets: [] }
      const options = { subnet_pools: [{ base: '10.89.0.0/16', size: 24 }], default_interface_name: 'podman' }
      return decodeCreateRequest(damagedJson({ network, used, options, check_used_subnets: true }, random))
    },
    (error) => error instanceof NetavarkError,
  ),
  door('Docker: HTTP bodies', (random) => {
    const json = (sound: object): unknown => parseJson(damagedJson(sound, random), 'body')
    if (random.oneIn(2)) return decoders.createEndpoint(json(createEndpoint), '')
    return readNetworkOptions(decoders.createNetwork(json(createNetwork), '').Options)
  }),
  door('ports to publish', (random) => parsePublish(publishSpec(random))),
  door('set-up as JSON', (random) => decodeSetupRequest(parseJson(setupDocument(random), 'request'))),
  door('network as JSON', (random) => decodeCreateNetwork(parseJson(networkDocument(random), 'network'))),
  door('OCI: state and annotations', (random) => {
    const { annotations } = decodeState(damagedJson(ociState, random))
    return wishesOfAnnotations(annotations)
  }),
  door('OCI: hooks.json', (random) => {
    const file = {
      network: ['front', 'back:alias=db'],
      publish: ['8080:80'],
      hostname: 'web',
      firewall: 'nftables',
    }
    return wishesOfFile(parseJson(damagedJson(file, random), 'hooks.json'), 'hooks.json')
  }),
  door('tsnetd: frames of the launcher', (random) => {
    let past: unknown
    const frame = encodeFrame(1, damagedBytes(encodeInvocation(call), random))
    const sent = random.oneIn(4) ? damagedBytes(frame, random) : frame
    const read = frameReader(
      ({ payload }) => {
        past ??= decodeInvocation(payload)
      },
      () => undefined,
    )
    // In two pieces, as streams cut.
    const at = random.below(sent.length + 1)
    read(sent.subarray(0, at))
    read(sent.subarray(at))
    return past
  }),
  door('netlink: what the kernel answers', (random) => {
    const messages = decodeMessages(damagedBytes(netlink, random))
    const read = [decodeLinks, decodeGroups, decodeAddresses, decodeRoutes, decodeDefaults, decodeNeighbours]
    const found = [...read, decodeQdiscs, decodeLinkDetails].flatMap((decode): readonly unknown[] =>
      decode(messages),
    )
    decodeNsid(messages)
    for (const message of messages) {
      decodeFlow(message)
      decodeFlowFact(message)
    }
    return found.length > 0 ? found : undefined
  }),
  door('DHCP: answers of a server', (random) => {
    const message = decodeMessage(damagedBytes(dhcpOffer, random))
    return message === undefined ? undefined : (leaseOf(message) ?? message)
  }),
  door('resolv.conf', (random) => parseResolvConf(scratchedText(resolvConf, random))),
  door('hosts', (random) => parseHosts(scratchedText(hosts, random))),
  door(
    'names: files of aardvark-dns',
    (random) => parseFile(scratchedText(aardvarkFile, random, 3)),
    (error) => error instanceof Error && /^line \d+: /.test(error.message),
  ),
  door('names: lines of the control socket', async (random) => {
    const lines: Request[] = []
    const read = lineReader((line) => {
      const request = readRequest(line)
      if (request !== undefined) lines.push(request)
    })
    const sent = Buffer.from(`${damagedJson(random.pick(controlLines), random)}\n`)
    const at = random.below(sent.length)
    read(sent.subarray(0, at))
    read(sent.subarray(at))
    const [request] = lines
    if (request === undefined) return undefined
    // What cannot be carried out is said, and the server goes on.
    const server = openZoneServer()
    try {
      return (await server.handle(request)).ok ? request : undefined
    } finally {
      server.close()
    }
  }),
  door('records and journal: of containers', (random) => {
    const record = ours<ContainerRecord>(damagedJson(containerRecord, random), containerFault)
    return record === undefined
      ? undefined
      : [ownerOf(record), record.steps.map(({ step }) => describe(step))]
  }),
  door('records and journal: of units', (random) => {
    const record = ours<UnitRecord>(damagedJson(unitRecord, random), unitFault)
    return record?.steps.map(describe)
  }),
  door('definitions and reservations', (random) => {
    const [sound, fault] = random.pick([
      [networkDefinition, networkFault],
      [reservation, ownerFault],
      [nameRoutes, routesFault],
    ] as const)
    return ours<object>(damagedJson(sound, random), fault)
  }),
]
