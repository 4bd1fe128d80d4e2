/**
 * What tests, benchmarks and the demo use of the machine: the one list, for
 * `.config/requirements.mjs`, which installs what is missing, and for
 * `requirements.ts`, which names it.
 *
 * Programs and libraries, not package names, are looked for: what another
 * distribution or a hand-made installation brings is as good. In the sbin
 * folders too, which a login shell of Debian may leave out of PATH.
 *
 * Imports nothing but node: modules, it runs before anybody said `npm ci`.
 *
 * @module
 */
import { accessSync, constants, existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** Debian package -> what of it we use; `lib*.so*` are libraries, absolute paths stand for themselves. */
export const demoPackages = {
  iproute2: ['ip', 'ss', 'bridge'],
  iptables: [
    ...['iptables', 'ip6tables', 'iptables-save', 'iptables-restore'],
    ...['iptables-nft', 'ip6tables-nft', 'iptables-legacy', 'ip6tables-legacy'],
  ],
  nftables: ['nft'],
  libnftables1: ['libnftables.so.1'],
  'iputils-ping': ['ping'],
  curl: ['curl'],
  procps: ['sysctl', 'ps'],
  'util-linux': ['unshare', 'nsenter', 'setpriv', 'mountpoint'],
}

export const packages = {
  ...demoPackages,
  conntrack: ['conntrack'],
  // Completion is tried in the shells, man pages by the program that prints them.
  'groff-base': ['groff'],
  zsh: ['zsh'],
  fish: ['fish'],
  // Our units are read by the program that will read them.
  systemd: ['systemd-analyze'],
  socat: ['socat'],
  // System calls spoiled one by one.
  strace: ['strace'],
  tcpdump: ['tcpdump'],
  'bind9-dnsutils': ['dig'],
  'bind9-host': ['host'],
  'dnsmasq-base': ['dnsmasq'],
  dnsperf: ['dnsperf'],
  firewalld: ['firewalld', 'firewall-cmd'],
  dbus: ['dbus-daemon'],
  'musl-tools': ['musl-gcc'],
  gcc: ['gcc'],
  // The launcher is built for both machines, and the other one's is started once.
  'gcc-aarch64-linux-gnu': ['aarch64-linux-gnu-gcc'],
  'libc6-dev-arm64-cross': ['/usr/aarch64-linux-gnu/include/stdio.h'],
  'qemu-user': ['qemu-aarch64'],
  // The launcher's build; gcc alone comes without them.
  'libc6-dev': ['/usr/include/stdio.h'],
  'linux-libc-dev': ['/usr/include/linux/netlink.h'],
  'busybox-static': ['busybox'],
  'containernetworking-plugins': ['/usr/lib/cni/bridge', '/usr/lib/cni/portmap'],
  containerd: ['containerd', 'ctr'],
  runc: ['runc'],
  'docker.io': ['dockerd', 'docker'],
  podman: ['podman'],
  conmon: ['conmon'],
  crun: ['crun'],
  // Podman only recommends them, or takes another.
  netavark: ['/usr/lib/podman/netavark'],
  'aardvark-dns': ['/usr/lib/podman/aardvark-dns'],
  jq: ['jq'],
}

/** Where a program, library or file lies, or undefined. */
export function find(part) {
  if (part.startsWith('/')) return existsSync(part) ? part : undefined
  if (part.includes('.so')) return libraryFolders().find((folder) => existsSync(join(folder, part)))
  return programFolders().find((folder) => executable(join(folder, part)))
}

function programFolders() {
  const fixed = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin']
  return [...new Set([...(process.env.PATH ?? '').split(':').filter(Boolean), ...fixed])]
}

/** Debian keeps libraries in a folder named after the machine, others in lib64 or lib. */
function libraryFolders() {
  const multiarch = readdirSync('/usr/lib').filter((name) => name.includes('-linux-gnu'))
  return [...multiarch.map((name) => `/usr/lib/${name}`), '/usr/lib64', '/usr/lib', '/usr/local/lib', '/lib']
}

function executable(file) {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
