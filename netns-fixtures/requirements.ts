/**
 * What a test needs of the machine, said before it fails for a stranger reason.
 *
 * A missing requirement always throws: this repository skips no test. There is
 * therefore nothing left for TSNET_REQUIRE=all, which CI sets, to make stricter.
 *
 * @module
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { find, packages } from './packages.mjs'

/** What can be needed. */
export type Requirement =
  | 'root'
  | 'ip'
  | 'nft'
  | 'iptables'
  | 'iptables-nft'
  | 'iptables-legacy'
  | 'conntrack'
  | 'curl'
  | 'shells'
  | 'groff'
  | 'systemd'
  | 'socat'
  | 'strace'
  | 'netavark'
  | 'cni-plugins'
  | 'podman'
  | 'containerd'
  | 'oci'
  | 'docker'
  | 'tcpdump'
  | 'busybox'
  | 'dig'
  | 'dnsmasq'
  | 'firewalld'
  | 'dnsperf'
  | 'aardvark'
  | 'musl'
  | 'gcc'
  | 'built'
  | 'ipv6'
  | 'veth'
  | 'bridge'
  | 'dummy'
  | 'vlan'
  | 'macvlan'
  | 'ipvlan'
  | 'vxlan'
  | 'sctp'

/** Debian packages by requirement, and what of them where it is not all. */
const programs: Partial<
  Record<Requirement, { readonly of: readonly string[]; readonly parts?: readonly string[] }>
> = {
  ip: { of: ['iproute2', 'util-linux'] },
  nft: { of: ['nftables'] },
  iptables: { of: ['iptables'], parts: ['iptables', 'ip6tables', 'iptables-save', 'iptables-restore'] },
  'iptables-nft': { of: ['iptables'], parts: ['iptables-nft', 'ip6tables-nft'] },
  'iptables-legacy': { of: ['iptables'], parts: ['iptables-legacy', 'ip6tables-legacy'] },
  conntrack: { of: ['conntrack'] },
  curl: { of: ['curl'] },
  shells: { of: ['zsh', 'fish'] },
  groff: { of: ['groff-base'] },
  systemd: { of: ['systemd'] },
  socat: { of: ['socat'] },
  strace: { of: ['strace'] },
  tcpdump: { of: ['tcpdump'] },
  busybox: { of: ['busybox-static'] },
  dig: { of: ['bind9-dnsutils', 'bind9-host'] },
  dnsmasq: { of: ['dnsmasq-base'] },
  firewalld: { of: ['firewalld', 'dbus'] },
  dnsperf: { of: ['dnsperf'] },
  aardvark: { of: ['aardvark-dns'] },
  musl: { of: ['musl-tools', 'gcc'] },
  gcc: { of: ['gcc', 'libc6-dev'] },
  netavark: { of: ['netavark'] },
  podman: { of: ['podman', 'conmon', 'crun'] },
  containerd: { of: ['containerd', 'runc'] },
  docker: { of: ['docker.io', 'containerd', 'runc'] },
  oci: { of: ['runc', 'crun', 'jq'] },
  'cni-plugins': { of: ['containernetworking-plugins'] },
}

/** Kinds of links that the kernel may lack, tried in a namespace that lives for the trial only. */
const links: Partial<Record<Requirement, { readonly add: string; readonly option: string }>> = {
  veth: { add: 'ip link add x1 type veth', option: 'CONFIG_VETH' },
  bridge: { add: 'ip link add x1 type bridge', option: 'CONFIG_BRIDGE' },
  dummy: { add: 'ip link add x1 type dummy', option: 'CONFIG_DUMMY' },
  vlan: {
    add: 'ip link add x0 type veth && ip link add link x0 name x1 type vlan id 7',
    option: 'CONFIG_VLAN_8021Q',
  },
  macvlan: {
    add: 'ip link add x0 type veth && ip link add link x0 name x1 type macvlan',
    option: 'CONFIG_MACVLAN',
  },
  ipvlan: {
    add: 'ip link add x0 type veth && ip link add link x0 name x1 type ipvlan',
    option: 'CONFIG_IPVLAN',
  },
  vxlan: { add: 'ip link add x1 type vxlan id 7 dstport 4789', option: 'CONFIG_VXLAN' },
}

const known = new Map<Requirement, string | undefined>()

/**
 * Demands that the machine has everything listed.
 *
 * @throws Error naming each missing thing and the Debian package or kernel option that brings it
 */
export function needs(...requirements: readonly Requirement[]): void {
  const missing = requirements.map(missingText).filter((text) => text !== undefined)
  if (missing.length > 0) throw new Error(`this test needs what the machine lacks:\n${missing.join('\n')}`)
}

function missingText(requirement: Requirement): string | undefined {
  if (!known.has(requirement)) known.set(requirement, look(requirement))
  return known.get(requirement)
}

function look(requirement: Requirement): string | undefined {
  const program = programs[requirement]
  if (program) {
    const lacking = partsOf(program).filter((part) => find(part) === undefined)
    return lacking.length === 0 ? undefined : `${lacking.join(', ')}: apt-get install ${program.of.join(' ')}`
  }
  const link = links[requirement]
  if (link) {
    const tried = spawnSync('unshare', ['-n', 'sh', '-c', link.add], { encoding: 'utf8', timeout: 10_000 })
    if (tried.status === 0) return undefined
    return `${requirement}: no such link on this kernel (${link.option}), or not root: ${tried.stderr.trim()}`
  }
  if (requirement === 'root') {
    return process.getuid?.() === 0
      ? undefined
      : 'root: run the tests with sudo; they use throwaway namespaces only'
  }
  if (requirement === 'ipv6') {
    return existsSync('/proc/net/if_inet6')
      ? undefined
      : 'IPv6: the kernel was started without it (CONFIG_IPV6)'
  }
  if (requirement === 'sctp') {
    return existsSync('/proc/net/sctp') ? undefined : 'SCTP sockets: not on this kernel (CONFIG_IP_SCTP)'
  }
  const built = new URL(
    import.meta.url.endsWith('.js') ? '../bin/tsnet' : '../dist/bin/tsnet',
    import.meta.url,
  )
  return existsSync(built) ? undefined : 'dist/bin/tsnet: npm run build'
}

/** @throws Error where packages.mjs, by which they are installed, does not have them */
function partsOf({
  of,
  parts,
}: {
  readonly of: readonly string[]
  readonly parts?: readonly string[]
}): readonly string[] {
  const known = of.flatMap((name) => {
    const bringing = packages[name]
    if (bringing === undefined)
      throw new Error(`netns-fixtures/packages.mjs does not know the package ${name}`)
    return bringing
  })
  const strange = parts?.find((part) => !known.includes(part))
  if (strange !== undefined)
    throw new Error(`netns-fixtures/packages.mjs does not know ${strange} of ${of.join(', ')}`)
  return parts ?? known
}
