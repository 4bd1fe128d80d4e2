/**
 * Plans as shell lines a network person can read and run: `ip`, `bridge`,
 * `sysctl`, `nft`, `iptables-restore`, `conntrack`.
 *
 * Nothing in tsnet runs these lines; `kernel/linux` does the same through
 * netlink, and test/netns/510-printed-script compares the two. Lines for the
 * inside of a sandbox go through nsenter, because `ip -n` takes names below
 * /run/netns only.
 *
 * @module
 */

import { type Cidr, familyOf, prefixLength } from '../model/address.ts'
import { shellWord } from '../model/commandline.ts'
import { MIN_IPV6_MTU_BYTES } from '../model/specs/scalar.ts'
import type { FirewallIntent } from './intent.ts'
import type { ConntrackStep, FileStep, RulesStep, Step, StepKind, StepOf, VethStep, Where } from './step.ts'
import { blockText, madeByUs } from './textfile.ts'

/** Lines that do a step and lines that take it back. They expect the sandbox's path in `$NETNS`. */
export interface Lines {
  readonly add: readonly string[]
  readonly remove: readonly string[]
}

export interface ScriptOptions {
  /** Absent where no step needs it. */
  readonly sandboxPath?: string | undefined
  /** Default `add`; `remove` takes everything back, in reverse order, going on through errors. */
  readonly direction?: 'add' | 'remove'
}

/** One step as shell lines; a here-document is one line with line feeds in it. */
export function describe(step: Step): Lines {
  return describeBy(step.kind, step)
}

/** All steps as one `sh` script, runnable by root as it stands. */
export function script(steps: readonly Step[], options: ScriptOptions = {}): string {
  const { sandboxPath, direction = 'add' } = options
  const undo = direction === 'remove'
  const ordered = undo ? backwards(steps) : steps
  const lines = ordered.flatMap((step) => (undo ? describe(step).remove : describe(step).add))
  return [
    '#!/bin/sh',
    undo ? 'set -u' : 'set -eu',
    ...(sandboxPath === undefined ? [] : [`NETNS=${shellWord(sandboxPath)}`]),
    ...lines,
    '',
  ].join('\n')
}

/** Flows are forgotten after the rules: a packet in between would bring them back. */
function backwards(steps: readonly Step[]): readonly Step[] {
  const reversed = steps.toReversed()
  const isFlow = ({ kind }: Step): boolean => kind === 'conntrack'
  return [...reversed.filter((step) => !isFlow(step)), ...reversed.filter(isFlow)]
}

const handlers: { readonly [K in StepKind]: (step: StepOf<K>) => Lines } = {
  bridge: ({ name, mac, mtuBytes, alias }) => ({
    add: [
      `ip link add name ${shellWord(name)} address ${mac} mtu ${mtuBytes} type bridge`,
      `ip link set dev ${shellWord(name)} alias ${shellWord(alias)}`,
    ],
    remove: [`ip link delete dev ${shellWord(name)}`],
  }),
  veth: describeVeth,
  bridgePort: ({ name, hairpin, isolated }) => ({
    add: [`bridge link set dev ${shellWord(name)} hairpin ${onOff(hairpin)} isolated ${onOff(isolated)}`],
    remove: [],
  }),
  linkUp: ({ where, dev, before }) => {
    const down = [
      `ip link set dev ${shellWord(dev)} down`,
      // The kernel gives lo its address with the first "up" and leaves it with "down".
      ...(dev === 'lo' ? ['ip address delete 127.0.0.1/8 dev lo'] : []),
    ]
    return {
      add: [inside(where, `ip link set dev ${shellWord(dev)} up`)],
      remove: before === 'down' ? down.map((line) => inside(where, line)) : [],
    }
  },
  address: ({ where, dev, cidr }) => ({
    add: [
      inside(
        where,
        `${ip(cidr)} address add ${cidr} ${broadcast(cidr)}dev ${shellWord(dev)}${familyOf(cidr) === 6 ? ' nodad' : ''}`,
      ),
    ],
    remove: [inside(where, `${ip(cidr)} address delete ${cidr} dev ${shellWord(dev)}`)],
  }),
  route: ({ where, to, via, dev, metric }) => {
    const target = to === '0.0.0.0/0' || to === '::/0' ? 'default' : to
    const route = [
      target,
      ...(via === undefined ? [] : ['via', via]),
      'dev',
      shellWord(dev),
      ...(metric === undefined ? [] : ['metric', String(metric)]),
    ].join(' ')
    return {
      add: [inside(where, `${ip(to)} route add ${route}`)],
      remove: [inside(where, `${ip(to)} route delete ${route}`)],
    }
  },
  sysctl: ({ where, key, value, before, keep, optional }) => {
    const set = (to: string): string =>
      inside(where, `sysctl -q ${optional ? '-e ' : ''}-w ${shellWord(`${key}=${to}`)}`)
    return { add: [set(value)], remove: keep || before === undefined ? [] : [set(before)] }
  },
  firewall: ({ intent }) => ({ add: [`# firewall: ${intentWords(intent)}`], remove: [] }),
  rules: ({ tool, add, remove }) => ({ add: hereDocument(tool, add), remove: hereDocument(tool, remove) }),
  batch: ({ where, tool, add, remove, context }) => {
    const lines = (commands: readonly string[], before = ''): readonly string[] =>
      // Words of one call.
      (tool === 'firewall-cmd' && commands.length > 0 ? [commands.join(' ')] : commands).map((command) =>
        inside(where, `${before}${tool} ${command.replaceAll('$NETNS', '"$NETNS"')}`),
      )
    return {
      add: lines(add, context === undefined ? '' : `runcon ${shellWord(context)} `),
      remove: lines(remove),
    }
  },
  conntrack: (step) => ({ add: forgetFlows(step), remove: forgetFlows(step) }),
  file: describeFile,
}

/** The kind is passed beside the step because TypeScript keeps the two together only through a type parameter. */
function describeBy<K extends StepKind>(kind: K, step: StepOf<K>): Lines {
  return handlers[kind](step)
}

function describeVeth({ name, mac, mtuBytes, alias, bridge, peer }: VethStep): Lines {
  return {
    add: [
      `ip link add name ${shellWord(name)} address ${mac} mtu ${mtuBytes} type veth` +
        ` peer name ${shellWord(peer.name)} address ${peer.mac} mtu ${mtuBytes}${peer.where === 'host' ? '' : ' netns "$NETNS"'}`,
      `ip link set dev ${shellWord(name)} alias ${shellWord(alias)}`,
      ...(mtuBytes < MIN_IPV6_MTU_BYTES
        ? []
        : [`[ ! -e /proc/sys/net/ipv6 ] || ip link set dev ${shellWord(name)} addrgenmode none`]),
      `ip link set dev ${shellWord(name)} master ${shellWord(bridge)} up`,
    ],
    remove: [`ip link delete dev ${shellWord(name)}`],
  }
}

function inside(where: Where, line: string): string {
  return where === 'host' ? line : `nsenter --net="$NETNS" ${line}`
}

function ip(cidr: Cidr): string {
  return familyOf(cidr) === 6 ? 'ip -6' : 'ip'
}

/** A /31 or /32 has no broadcast address (RFC 3021). */
function broadcast(cidr: Cidr): string {
  return familyOf(cidr) === 4 && prefixLength(cidr) <= 30 ? 'broadcast + ' : ''
}

function onOff(flag: boolean): string {
  return flag ? 'on' : 'off'
}

function hereDocument(tool: RulesStep['tool'], text: string): readonly string[] {
  if (text.trim() === '') return []
  const command = tool === 'nft' ? 'nft -f -' : `${tool}-restore --noflush --wait`
  const body = text.endsWith('\n') ? text.slice(0, -1) : text
  const lines = body.split('\n')
  let mark = 'RULES'
  while (lines.includes(mark)) mark += '_'
  return [`${command} <<'${mark}'\n${body}\n${mark}`]
}

/** In place, as tsnet does: a file that is mounted somewhere must stay the same one. */
function describeFile({ path, text, mark, before }: FileStep): Lines {
  const file = shellWord(path)
  if (mark === undefined) {
    const remove = before === undefined ? `rm -f ${file}` : `${printed(before)} >${file}`
    return { add: [`${printed(text)} >${file}`], remove: [remove] }
  }
  const first = before === undefined ? madeByUs : ''
  const apart = before === undefined || before === '' || before.endsWith('\n') ? first : '\n'
  const pattern = (word: string): string => `/^# tsnet ${word} ${mark.replaceAll('.', '\\.')}$/`
  // The dot keeps line feeds at the end, which $( ) would strip.
  const rest = `rest=$(sed ${shellWord(`${pattern('begin')},${pattern('end')}d`)} ${file}; echo .)`
  const remove = before === undefined ? `rm -f ${file}` : `${rest}; printf %s "\${rest%.}" >${file}`
  return { add: [`${printed(`${apart}${blockText(mark, text)}`)} >>${file}`], remove: [remove] }
}

function printed(text: string): string {
  return `printf %s ${text === '' ? "''" : shellWord(text)}`
}

/**
 * Flows to the published port, then flows the container answers from that port.
 * Without a host address: to any address of this host, and not to far servers
 * on a port of the same number.
 */
function forgetFlows(step: ConntrackStep): readonly string[] {
  const { protocol, hostAddress, hostPort, containerAddress, containerPort, count } = step
  const version = familyOf(containerAddress)
  const forget = (what: string): string =>
    `conntrack -D -f ipv${version} -p ${protocol} ${what} >/dev/null 2>&1 || true`
  const port = (first: number): string => (count === 1 ? `${first}` : `$((${first} + i))`)
  const toHost = forget(`--orig-dst ${hostAddress ?? '"$address"'} --orig-port-dst ${port(hostPort)}`)
  const fromContainer = forget(`--reply-src ${containerAddress} --reply-port-src ${port(containerPort)}`)
  const own = `ip -o -${version} address show | sed 's/.* inet6\\{0,1\\} \\([^/ ]*\\).*/\\1/'`
  const commands = [
    hostAddress === undefined ? `for address in $(${own}); do ${toHost}; done` : toHost,
    fromContainer,
  ]
  return count === 1 ? commands : [`for i in $(seq 0 ${count - 1}); do ${commands.join('; ')}; done`]
}

/** One line about an intent that has not been turned into rules yet. */
function intentWords(intent: FirewallIntent): string {
  switch (intent.kind) {
    case 'base':
      return 'base chains'
    case 'network': {
      const flags = (['internal', 'icc', 'isolate', 'masquerade'] as const).filter((flag) => intent[flag])
      const {
        names,
        isolateFrom,
        protect,
        conntrackLimit,
        sources = [],
        routed = [],
        unprotected = [],
      } = intent
      const from = isolateFrom === undefined ? [] : [`from ${isolateFrom} networks`]
      const as = sources.map((source) => `as ${source}`)
      const port = names === undefined ? [] : [`names on port ${names.port}`]
      return [
        `network ${intent.network} on ${intent.bridge}`,
        ...intent.subnets,
        ...flags,
        ...from,
        ...as,
        ...routed.map((family) => `IPv${family} routed`),
        ...unprotected.map((family) => `IPv${family} unprotected`),
        ...(protect === undefined ? [] : [`protect ${protect}`]),
        ...(conntrackLimit === undefined ? [] : [`${conntrackLimit} connections each`]),
        ...port,
      ].join(' ')
    }
    case 'publish': {
      const ports = intent.bindings.map(({ hostAddress, hostPort, containerPort, count, protocol }) => {
        const range = (first: number): string => (count === 1 ? `${first}` : `${first}-${first + count - 1}`)
        return `${hostAddress === undefined ? '' : `[${hostAddress}]:`}${range(hostPort)}:${range(containerPort)}/${protocol}`
      })
      return `publish ${ports.join(' ')} of ${intent.owner} at ${intent.addresses.join(' ')}`
    }
    case 'protect':
      return `only ${[intent.mac, ...intent.addresses].join(' ')} from ${intent.port}`
    case 'foreignAccept':
      return `accept ${intent.bridge} in IPv${intent.family} chain ${intent.names === undefined ? 'FORWARD' : 'INPUT'} of ${intent.tool}`
  }
}
