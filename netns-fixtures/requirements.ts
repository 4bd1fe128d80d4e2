/**
 * What a test needs of the machine, said before it fails for a stranger reason.
 *
 * A missing requirement always throws: this repository skips no test. There is
 * therefore nothing left for TSNET_REQUIRE=all, which CI sets, to make stricter.
 *
 * @module
 */
import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'

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
  | 'socat'
  | 'netavark'
  | 'cni-plugins'
  | 'podman'
  | 'containerd'
  | 'oci'
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

/** Programs by requirement: any place they may be in, and the Debian package that brings them. */
const programs: Partial<Record<Requirement, { readonly names: readonly string[]; readonly debian: string }>> =
  {
    ip: { names: ['ip', 'unshare', 'nsenter', 'setpriv'], debian: 'iproute2 util-linux' },
    nft: { names: ['nft'], debian: 'nftables' },
    iptables: { names: ['iptables', 'ip6tables', 'iptables-save', 'iptables-restore'], debian: 'iptables' },
    'iptables-nft': { names: ['iptables-nft', 'ip6tables-nft'], debian: 'iptables' },
    'iptables-legacy': { names: ['iptables-legacy', 'ip6tables-legacy'], debian: 'iptables' },
    conntrack: { names: ['conntrack'], debian: 'conntrack' },
    curl: { names: ['curl'], debian: 'curl' },
    socat: { names: ['socat'], debian: 'socat' },
    tcpdump: { names: ['tcpdump'], debian: 'tcpdump' },
    busybox: { names: ['busybox'], debian: 'busybox-static' },
    dig: { names: ['dig', 'host'], debian: 'bind9-dnsutils bind9-host' },
    dnsmasq: { names: ['dnsmasq'], debian: 'dnsmasq-base' },
    firewalld: { names: ['firewalld', 'firewall-cmd', 'dbus-daemon'], debian: 'firewalld dbus' },
    dnsperf: { names: ['dnsperf'], debian: 'dnsperf' },
    aardvark: { names: ['/usr/lib/podman/aardvark-dns'], debian: 'aardvark-dns' },
    musl: { names: ['musl-gcc', 'gcc'], debian: 'musl-tools gcc' },
    gcc: { names: ['gcc', '/usr/include/stdio.h'], debian: 'gcc libc6-dev' },
    netavark: { names: ['/usr/lib/podman/netavark'], debian: 'netavark' },
    podman: { names: ['podman', 'conmon', 'crun'], debian: 'podman conmon crun' },
    containerd: { names: ['containerd', 'ctr', 'runc'], debian: 'containerd runc' },
    oci: { names: ['runc', 'crun', 'jq'], debian: 'runc crun jq' },
    'cni-plugins': { names: ['/usr/lib/cni/bridge'], debian: 'containernetworking-plugins' },
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
    const lacking = program.names.filter((name) => !isProgram(name))
    return lacking.length === 0 ? undefined : `${lacking.join(', ')}: apt-get install ${program.debian}`
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
  const built = new URL('../dist/bin/tsnet', import.meta.url)
  return existsSync(built) ? undefined : 'dist/bin/tsnet: npm run build'
}

function isProgram(name: string): boolean {
  const folders = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/sbin', '/usr/bin', '/bin']
  const paths = name.startsWith('/') ? [name] : folders.map((folder) => `${folder}/${name}`)
  return paths.some((path) => {
    try {
      accessSync(path, path.startsWith('/usr/include/') ? constants.R_OK : constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
