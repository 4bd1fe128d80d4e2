/**
 * What the rules are for, as a table of probes: who sends where, and what
 * becomes of it.
 *
 * The same table is run on every backend, family, FORWARD policy and
 * `bridge-nf-call-iptables` (test/netns/250-firewall.test.ts), and is published
 * as lib/firewall/PROBES.md.
 *
 * @module
 */

import type { Family } from '../../lib/model/address.ts'

export interface ProbeNetwork {
  readonly name: string
  readonly internal: boolean
  readonly icc: boolean
  readonly isolate: boolean
  readonly masquerade: boolean
  /** Names of its containers; each serves TCP, UDP and SCTP on {@link containerPorts}. */
  readonly containers: readonly string[]
  readonly about: string
}

const plain = { internal: false, icc: true, isolate: true, masquerade: true }

export const probeNetworks: readonly ProbeNetwork[] = [
  {
    ...plain,
    name: 'web',
    containers: ['web1', 'web2'],
    about: 'a network as it comes; `web1` publishes ports',
  },
  { ...plain, name: 'db', containers: ['db1'], about: 'another one' },
  {
    ...plain,
    name: 'quiet',
    icc: false,
    containers: ['quiet1', 'quiet2'],
    about: '`icc=false`; `quiet1` publishes a port',
  },
  { ...plain, name: 'left', isolate: false, containers: ['left1'], about: '`isolate=false`' },
  { ...plain, name: 'right', isolate: false, containers: ['right1'], about: '`isolate=false`' },
  {
    ...plain,
    name: 'bare',
    masquerade: false,
    containers: ['bare1'],
    about: '`masquerade=false`, and the outside knows a route to it',
  },
  { ...plain, name: 'inner', internal: true, containers: ['inner1', 'inner2'], about: '`internal`' },
]

/** Every container serves these, whatever of them is published. */
export const containerPorts: readonly number[] = [80, 81, 7000, 7001, 7002, 7500, 7501, 8000, 8001, 8002]
/** The outside serves this one. */
export const outsidePort = 80
/** The host serves this one on all its addresses … */
export const hostPort = 6001
/** … and this one on 127.0.0.1 only. */
export const hostLoopbackPort = 6000

export interface ProbeBinding {
  readonly container: string
  /** Absent: every address. */
  readonly at?: 'host' | 'localhost'
  readonly protocol: 'tcp' | 'udp' | 'sctp'
  readonly hostPort: number
  readonly containerPort: number
  readonly count: number
}

const single = { container: 'web1', protocol: 'tcp', containerPort: 80, count: 1 } as const

export const probeBindings: readonly ProbeBinding[] = [
  { ...single, hostPort: 8080 },
  { ...single, hostPort: 8080, protocol: 'udp' },
  { ...single, hostPort: 8080, protocol: 'sctp' },
  { ...single, hostPort: 8081, at: 'host' },
  { ...single, hostPort: 8081, at: 'host', protocol: 'sctp' },
  { ...single, hostPort: 8082, at: 'localhost' },
  { ...single, hostPort: 8082, at: 'localhost', protocol: 'sctp' },
  { ...single, hostPort: 8084, protocol: 'udp' },
  { ...single, hostPort: 7000, containerPort: 7000, count: 3 },
  { ...single, hostPort: 7000, containerPort: 7000, count: 3, protocol: 'udp' },
  { ...single, hostPort: 7000, containerPort: 7000, count: 3, protocol: 'sctp' },
  { ...single, hostPort: 7100, containerPort: 7000, count: 3, at: 'host' },
  { ...single, hostPort: 7500, containerPort: 7500, count: 2, at: 'host', protocol: 'udp' },
  { ...single, hostPort: 9000, containerPort: 8000, count: 3 },
  { ...single, hostPort: 9000, containerPort: 8000, count: 3, protocol: 'sctp' },
  { ...single, container: 'quiet1', hostPort: 8090 },
]

/**
 * - `reached`: the server answered
 * - `refused`: nobody listens there; the host itself said so
 * - `dropped`: silence
 */
export type Outcome = 'reached' | 'refused' | 'dropped'

export interface Probe {
  /** A sentence: what holds. */
  readonly name: string
  /** `outside`, `host` or a container. */
  readonly from: string
  /**
   * `outside`, `host`, a container, `host2` (the host's second address),
   * `gateway` (of the sender's network) or `localhost` (127.0.0.1 or ::1; from
   * elsewhere than the host, by a forged route).
   */
  readonly to: string
  readonly ports: readonly `${'tcp' | 'udp' | 'sctp'}/${number}`[]
  readonly outcome: Outcome
  /** Who answers, when it is not the one in `to`. */
  readonly by?: string
  /** Whose address the server saw; `gateway` is that of the answering container. */
  readonly seenAs?: string
  /** Which port of the server was reached; absent: the one of the probe, or 80 for a published one. */
  readonly at?: number
  /** Absent: both. */
  readonly families?: readonly Family[]
  /** Holds because the bridge keeps ports apart, rules or no rules: nobody even answers the ARP request. */
  readonly byBridge?: true
}

export interface ProbeSection {
  readonly title: string
  readonly probes: readonly Probe[]
}

const v4: readonly Family[] = [4]
const v6: readonly Family[] = [6]
const published = { by: 'web1', at: 80 } as const

export const probeSections: readonly ProbeSection[] = [
  {
    title: 'The same network',
    probes: [
      {
        name: 'containers of a network talk',
        from: 'web2',
        to: 'web1',
        ports: ['tcp/80', 'udp/80', 'tcp/81', 'sctp/80'],
        outcome: 'reached',
        seenAs: 'web2',
      },
      {
        name: 'a published port is reached from its own network, as the gateway',
        from: 'web2',
        to: 'host',
        ports: ['tcp/8080', 'udp/8080', 'tcp/8081', 'sctp/8080', 'sctp/8081'],
        outcome: 'reached',
        ...published,
        seenAs: 'gateway',
      },
      {
        name: 'a published port is reached from the container itself, as the gateway',
        from: 'web1',
        to: 'host',
        ports: ['tcp/8080', 'udp/8080', 'tcp/8081', 'sctp/8080', 'sctp/8081'],
        outcome: 'reached',
        ...published,
        seenAs: 'gateway',
      },
      {
        name: 'a published port is reached through the gateway address',
        from: 'web1',
        to: 'gateway',
        ports: ['tcp/8080', 'udp/8080', 'sctp/8080'],
        outcome: 'reached',
        ...published,
        seenAs: 'gateway',
      },
      {
        name: 'containers of an internal network talk',
        from: 'inner2',
        to: 'inner1',
        ports: ['tcp/80', 'udp/80', 'sctp/80'],
        outcome: 'reached',
        seenAs: 'inner2',
      },
      {
        name: 'with icc=false containers do not talk',
        from: 'quiet2',
        to: 'quiet1',
        ports: ['tcp/80', 'udp/80', 'sctp/80'],
        outcome: 'dropped',
        byBridge: true,
      },
      {
        name: 'with icc=false they still reach published ports',
        from: 'quiet2',
        to: 'host',
        ports: ['tcp/8090'],
        outcome: 'reached',
        by: 'quiet1',
        at: 80,
        seenAs: 'gateway',
      },
      {
        name: 'and their own',
        from: 'quiet1',
        to: 'host',
        ports: ['tcp/8090'],
        outcome: 'reached',
        by: 'quiet1',
        at: 80,
        seenAs: 'gateway',
      },
    ],
  },
  {
    title: 'Other networks',
    probes: [
      {
        name: 'networks are isolated',
        from: 'db1',
        to: 'web1',
        ports: ['tcp/80', 'udp/80', 'tcp/7000', 'sctp/80', 'sctp/7000'],
        outcome: 'dropped',
      },
      {
        name: 'and in the other direction',
        from: 'web1',
        to: 'db1',
        ports: ['tcp/80', 'udp/80', 'sctp/80'],
        outcome: 'dropped',
      },
      {
        name: 'a published port is reached from another network, which keeps its address',
        from: 'db1',
        to: 'host',
        ports: ['tcp/8080', 'udp/8080', 'tcp/8081', 'sctp/8080', 'sctp/8081'],
        outcome: 'reached',
        ...published,
        seenAs: 'db1',
      },
      {
        name: 'also through its own gateway',
        from: 'db1',
        to: 'gateway',
        ports: ['tcp/8080', 'udp/8080', 'sctp/8080'],
        outcome: 'reached',
        ...published,
        seenAs: 'db1',
      },
      {
        name: 'a port published on one address is not there on others',
        from: 'db1',
        to: 'host2',
        ports: ['tcp/8081'],
        outcome: 'refused',
      },
      {
        name: 'two networks with isolate=false talk',
        from: 'left1',
        to: 'right1',
        ports: ['tcp/80', 'udp/80', 'sctp/80'],
        outcome: 'reached',
        seenAs: 'left1',
      },
      {
        name: 'and in the other direction',
        from: 'right1',
        to: 'left1',
        ports: ['tcp/80', 'sctp/80'],
        outcome: 'reached',
        seenAs: 'right1',
      },
      {
        name: 'one network with isolate=false gets into no isolated one',
        from: 'left1',
        to: 'web1',
        ports: ['tcp/80', 'sctp/80'],
        outcome: 'dropped',
      },
      {
        name: 'and no isolated one gets in',
        from: 'web1',
        to: 'left1',
        ports: ['tcp/80', 'sctp/80'],
        outcome: 'dropped',
      },
      {
        name: 'an internal network gets into no other',
        from: 'inner1',
        to: 'web1',
        ports: ['tcp/80', 'udp/80', 'sctp/80'],
        outcome: 'dropped',
      },
      {
        name: 'not even to published ports',
        from: 'inner1',
        to: 'host',
        ports: ['tcp/8080', 'udp/8080', 'sctp/8080'],
        outcome: 'dropped',
      },
      {
        name: 'nobody gets into an internal network',
        from: 'web1',
        to: 'inner1',
        ports: ['tcp/80', 'udp/80', 'sctp/80'],
        outcome: 'dropped',
      },
    ],
  },
  {
    title: 'The world',
    probes: [
      {
        name: 'containers go out with the address of the host',
        from: 'web1',
        to: 'outside',
        ports: ['tcp/80', 'udp/80', 'sctp/80'],
        outcome: 'reached',
        seenAs: 'host',
      },
      {
        name: 'with icc=false too',
        from: 'quiet1',
        to: 'outside',
        ports: ['tcp/80', 'sctp/80'],
        outcome: 'reached',
        seenAs: 'host',
      },
      {
        name: 'with masquerade=false they keep their own',
        from: 'bare1',
        to: 'outside',
        ports: ['tcp/80', 'udp/80', 'sctp/80'],
        outcome: 'reached',
        seenAs: 'bare1',
      },
      {
        name: 'which opens no way in',
        from: 'outside',
        to: 'bare1',
        ports: ['tcp/80', 'udp/80', 'sctp/80'],
        outcome: 'dropped',
      },
      {
        name: 'an internal network has no way out',
        from: 'inner1',
        to: 'outside',
        ports: ['tcp/80', 'udp/80', 'sctp/80'],
        outcome: 'dropped',
      },
      {
        name: 'and no way in',
        from: 'outside',
        to: 'inner1',
        ports: ['tcp/80', 'udp/80', 'sctp/80'],
        outcome: 'dropped',
      },
    ],
  },
  {
    title: 'The host',
    probes: [
      {
        name: 'the host reaches its containers, published or not',
        from: 'host',
        to: 'web1',
        ports: ['tcp/81', 'udp/81'],
        outcome: 'reached',
        seenAs: 'gateway',
      },
      {
        name: 'containers reach the host',
        from: 'web1',
        to: 'host',
        ports: [`tcp/${hostPort}`, `sctp/${hostPort}`],
        outcome: 'reached',
        seenAs: 'web1',
      },
      {
        name: 'the host reaches an internal network',
        from: 'host',
        to: 'inner1',
        ports: ['tcp/80', 'sctp/80'],
        outcome: 'reached',
        seenAs: 'gateway',
      },
      {
        name: 'an internal network reaches the host',
        from: 'inner1',
        to: 'gateway',
        ports: [`tcp/${hostPort}`, `sctp/${hostPort}`],
        outcome: 'reached',
        by: 'host',
        seenAs: 'inner1',
      },
      {
        name: 'a container does not reach what the host serves on 127.0.0.1',
        from: 'web2',
        to: 'localhost',
        ports: [`tcp/${hostLoopbackPort}`, 'tcp/8080', 'tcp/8082', 'sctp/8080', 'sctp/8082'],
        outcome: 'dropped',
        families: v4,
      },
    ],
  },
  {
    title: 'Published ports',
    probes: [
      {
        name: 'a published port is reached from outside, which keeps its address',
        from: 'outside',
        to: 'host',
        ports: ['tcp/8080', 'udp/8080', 'sctp/8080'],
        outcome: 'reached',
        ...published,
        seenAs: 'outside',
      },
      {
        name: 'on every address of the host',
        from: 'outside',
        to: 'host2',
        ports: ['tcp/8080', 'udp/8080', 'sctp/8080'],
        outcome: 'reached',
        ...published,
        seenAs: 'outside',
      },
      {
        name: 'a range keeps its numbers: first',
        from: 'outside',
        to: 'host',
        ports: ['tcp/7000', 'udp/7000', 'sctp/7000'],
        outcome: 'reached',
        by: 'web1',
        at: 7000,
        seenAs: 'outside',
      },
      {
        name: 'a range keeps its numbers: last',
        from: 'outside',
        to: 'host',
        ports: ['tcp/7002', 'udp/7002', 'sctp/7002'],
        outcome: 'reached',
        by: 'web1',
        at: 7002,
        seenAs: 'outside',
      },
      {
        name: 'a shifted range keeps its order: first',
        from: 'outside',
        to: 'host',
        ports: ['tcp/9000', 'sctp/9000'],
        outcome: 'reached',
        by: 'web1',
        at: 8000,
        seenAs: 'outside',
      },
      {
        name: 'a shifted range keeps its order: last',
        from: 'outside',
        to: 'host',
        ports: ['tcp/9002', 'sctp/9002'],
        outcome: 'reached',
        by: 'web1',
        at: 8002,
        seenAs: 'outside',
      },
      {
        name: 'a port published on one address is reached there',
        from: 'outside',
        to: 'host',
        ports: ['tcp/8081', 'sctp/8081'],
        outcome: 'reached',
        ...published,
        seenAs: 'outside',
      },
      {
        name: 'so is a range',
        from: 'outside',
        to: 'host',
        ports: ['udp/7501'],
        outcome: 'reached',
        by: 'web1',
        at: 7501,
        seenAs: 'outside',
      },
      {
        name: 'and a shifted one',
        from: 'outside',
        to: 'host',
        ports: ['tcp/7101'],
        outcome: 'reached',
        by: 'web1',
        at: 7001,
        seenAs: 'outside',
      },
      {
        name: 'none of them on others',
        from: 'outside',
        to: 'host2',
        ports: ['tcp/8081', 'udp/7501', 'tcp/7101', 'sctp/8081'],
        outcome: 'refused',
      },
      {
        name: 'the host reaches it through its own address',
        from: 'host',
        to: 'host',
        ports: ['tcp/8080', 'udp/8080', 'tcp/8081', 'sctp/8080', 'sctp/8081'],
        outcome: 'reached',
        ...published,
        seenAs: 'host',
      },
      {
        name: 'ranges too',
        from: 'host',
        to: 'host',
        ports: ['tcp/7001', 'udp/7001', 'sctp/7001'],
        outcome: 'reached',
        by: 'web1',
        at: 7001,
        seenAs: 'host',
      },
      {
        name: 'and through 127.0.0.1, as the gateway',
        from: 'host',
        to: 'localhost',
        ports: ['tcp/8080', 'udp/8080', 'tcp/8082', 'sctp/8080', 'sctp/8082'],
        outcome: 'reached',
        ...published,
        seenAs: 'gateway',
        families: v4,
      },
      {
        name: 'but not through ::1',
        from: 'host',
        to: 'localhost',
        ports: ['tcp/8080'],
        outcome: 'refused',
        families: v6,
      },
    ],
  },
  {
    title: 'Closed',
    probes: [
      {
        name: 'nothing else on the host becomes open',
        from: 'outside',
        to: 'host',
        ports: ['tcp/81', 'tcp/7003', 'tcp/8084', 'tcp/9003', 'sctp/81', 'sctp/7003', 'sctp/8084'],
        outcome: 'refused',
      },
      {
        name: 'who routes to a container directly finds it closed, published or not',
        from: 'outside',
        to: 'web1',
        ports: ['tcp/80', 'udp/80', 'tcp/81', 'tcp/8080', 'sctp/80', 'sctp/8080'],
        outcome: 'dropped',
      },
      {
        name: 'a port published on 127.0.0.1 is not there from outside',
        from: 'outside',
        to: 'host',
        ports: ['tcp/8082'],
        outcome: 'refused',
        families: v4,
      },
      {
        name: 'nor by a forged route to 127.0.0.1',
        from: 'outside',
        to: 'localhost',
        ports: ['tcp/8082', 'tcp/8080', `tcp/${hostLoopbackPort}`, 'sctp/8080', 'sctp/8082'],
        outcome: 'dropped',
        families: v4,
      },
    ],
  },
]

export const probes: readonly Probe[] = probeSections.flatMap(({ probes }) => probes)
