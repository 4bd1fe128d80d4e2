/**
 * Is everything here that the tests and benchmarks, or (with --demo) the demo need? Silent and quick when it is. Missing Debian packages are installed when
 * root on Debian, else named; everything else is named with its way out.
 *
 * Looks for programs and libraries, not for package names: what another
 * distribution or a hand-made installation brings is as good. Looks in the sbin
 * folders too, which a login shell of Debian may leave out of PATH.
 *
 * Imports nothing but node: modules, it runs before anybody said `npm ci`.
 *
 * @module
 */
import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const aptLimitMs = 10 * 60_000
const oldestNode = [20, 11]
/** Exit codes as the command's own: 69 something is missing, 77 not allowed (sysexits). */
const exit = { missing: 69, forbidden: 77 }

/** Debian package -> what of it we use; `lib*.so*` are libraries, absolute paths stand for themselves. */
const demoPackages = {
  iproute2: ['ip', 'ss', 'bridge'],
  iptables: ['iptables-nft', 'iptables-legacy', 'ip6tables-nft', 'ip6tables-legacy', 'iptables-restore'],
  nftables: ['nft'],
  libnftables1: ['libnftables.so.1'],
  'iputils-ping': ['ping'],
  curl: ['curl'],
  procps: ['sysctl', 'ps'],
  'util-linux': ['unshare', 'nsenter', 'setpriv'],
}
const packages = {
  ...demoPackages,
  conntrack: ['conntrack'],
  socat: ['socat'],
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
  podman: ['podman'],
  conmon: ['conmon'],
  crun: ['crun'],
  jq: ['jq'],
}

const wanted = process.argv.includes('--demo') ? demoPackages : packages

demandNode()
demandModules()
demandRoot()
const missing = missingPackages()
if (missing.length > 0) {
  if (!existsSync('/etc/debian_version') || find('apt-get') === undefined) nameThem(missing)
  install(missing)
  const still = missingPackages()
  if (still.length > 0) stop(`installed, and still not found: ${wantedOf(still)}`, exit.missing)
}

function demandNode() {
  if (process.platform !== 'linux') stop(`tsnet runs on Linux, this is ${process.platform}`, exit.missing)
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major < oldestNode[0] || (major === oldestNode[0] && minor < oldestNode[1])) {
    stop(`Node ${oldestNode.join('.')} or newer is needed, this is ${process.versions.node}`, exit.missing)
  }
}

function demandModules() {
  const some = ['netlink', 'koffi', 'esbuild', 'tsx', 'vitest'].filter(
    (name) => !existsSync(join(root, 'node_modules', name, 'package.json')),
  )
  if (some.length > 0) stop(`packages not installed (${some.join(', ')}): npm ci --include=dev`, exit.missing)
}

/** Root by number is not enough: a container's root may lack the capabilities that make a namespace. */
function demandRoot() {
  if (process.geteuid?.() !== 0) {
    stop('root is needed to make network namespaces: sudo npm run …, or in a root shell', exit.forbidden)
  }
  const effective = /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'
  const lacking = Object.entries({ CAP_NET_ADMIN: 12n, CAP_NET_RAW: 13n, CAP_SYS_ADMIN: 21n })
    .filter(([, bit]) => ((BigInt(`0x${effective}`) >> bit) & 1n) === 0n)
    .map(([name]) => name)
  if (lacking.length > 0)
    stop(`this root lacks ${lacking.join(', ')} (in a container: --privileged)`, exit.forbidden)
}

function missingPackages() {
  return Object.keys(wanted).filter((name) => wanted[name].some((part) => find(part) === undefined))
}

/** Where a program or library lies, or undefined. */
function find(part) {
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

function nameThem(names) {
  stop(
    `not found: ${wantedOf(names)}\n` +
      `On Debian: apt-get update && apt-get install -y --no-install-recommends ${names.join(' ')}`,
    exit.missing,
  )
}

function wantedOf(names) {
  return names.map((name) => `${name} (${wanted[name].filter((part) => !find(part)).join(', ')})`).join('; ')
}

function install(names) {
  console.error(`installing Debian packages: ${names.join(' ')}`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const install = ['install', '-y', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=120', ...names]
  for (const args of [['update'], install]) {
    const run = spawnSync('apt-get', args, {
      env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: aptLimitMs,
    })
    if (run.status === 0) continue
    console.error(`${run.stdout}${run.stderr}`)
    stop(`failed: apt-get ${args.join(' ')}${run.error ? ` (${run.error.message})` : ''}`, exit.missing)
  }
}

function stop(reason, code) {
  console.error(`requirements: ${reason}`)
  process.exit(code)
}
