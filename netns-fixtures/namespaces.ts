/**
 * The processes that hold a throwaway namespace, and finding whoever is in one.
 *
 * A holder is a shell that waits on its standard input: when the test worker
 * dies, however, the pipe closes, and the holder kills everything that shares
 * its namespace before it ends. That covers programs a test has started which
 * made themselves daemons; PR_SET_PDEATHSIG would not reach those.
 *
 * A host's processes are known by its /run: whoever has that mounted belongs to
 * it, in whatever namespaces. Limit: a process that has neither it (an engine's
 * container after its pivot_root) nor the host's network namespace stays.
 *
 * @module
 */
import type { ChildProcess } from 'node:child_process'
import { closeSync, fstatSync, openSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { spawnSurvivor } from './process.ts'

/** A running holder. */
export interface Holder {
  readonly pid: number
  /** False once it has ended; its pid and the numbers of its namespaces may then be another's. */
  alive(): boolean
}

/**
 * Waits for the end of standard input, then kills whoever `look` finds, again
 * and again until nobody is left: what is killed may be about to start others.
 *
 * @param look shell that prints `/proc/PID/…`, one a line
 */
function holdUntilParentIsGone(look: string): string {
  return `
echo ready
while read -r _; do :; done
for pass in $(seq 100); do
  left=
  for path in $(${look}); do
    pid=\${path#/proc/}; pid=\${pid%%/*}
    [ "$pid" = $$ ] || ! kill -KILL "$pid" 2>/dev/null || left=yes
  done
  [ -n "$left" ] || break
done
`
}

/**
 * Shell that lists who lives in the network namespace of that process: whoever
 * only looks in has other threads at home ({@link homeOf}).
 *
 * @internal
 */
export function livingIn(pid: string): string {
  return `
  own=$(readlink /proc/${pid}/ns/net); own="\${own%%[*}\\\\[\${own#*[}"
  for path in $(find /proc/[0-9]*/ns/net -lname "$own" 2>/dev/null); do
    [ -n "$(find "\${path%/ns/net}"/task/*/ns/net ! -lname "$own" 2>/dev/null)" ] || echo "$path"
  done
`
}

/** Shell that lists who lives in this one's network namespace. */
const inThisNetwork = livingIn('self')

/**
 * Shell that lists who has this host's /run mounted, anywhere: also who has
 * made a mount namespace of its own since, and a network namespace to it.
 */
const withThisRun = `
  grep -ls "^[0-9]* [0-9]* $(mountpoint -d /run) " /proc/[0-9]*/mountinfo || :
`

/**
 * The set-up of a host's mount namespace, seen by nobody outside it.
 *
 * /etc and /var/lib become overlays whose upper layer is in memory, so that
 * mount points for /etc/tsnet and the like, changed alternatives links and
 * whatever a tested program writes there never reach the machine's disk. The
 * layer is detached after use and stays reachable only through the overlay.
 * Where the kernel refuses an overlay, the folders are copied or bound instead.
 * A fresh sysfs shows this network namespace's links; the inherited one would
 * go on showing the machine's. podman keeps its locks in /dev/shm, by number, and
 * frees all of them when it meets a /run without a trace of it: another host's.
 */
const furnish = `
set -e
mount -t sysfs sysfs /sys
mount -t tmpfs -o mode=755 tmpfs /run
[ ! -d /dev/shm ] || mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mkdir -p /run/netns /run/lock /run/.layer
mount -t tmpfs -o mode=755 tmpfs /run/.layer
for folder in etc var/lib; do
  layer=/run/.layer/$folder
  mkdir -p $layer/upper $layer/work
  if [ "$TSNET_LAB_OVERLAY" != no ] && mount -t overlay -o lowerdir=/$folder,upperdir=$layer/upper,workdir=$layer/work overlay /$folder 2>/dev/null
  then continue; fi
  if [ $folder = etc ]; then cp -a /etc/. $layer/upper/
  else
    for entry in /$folder/*; do
      if [ -d "$entry" ] && [ ! -L "$entry" ]
      then mkdir "$layer/upper/\${entry##*/}"; mount --bind "$entry" "$layer/upper/\${entry##*/}"
      else cp -a "$entry" $layer/upper/; fi
    done
  fi
  mount --rbind $layer/upper /$folder
done
umount -l /run/.layer
rmdir /run/.layer
for folder in /var/lib/tsnet /var/lib/cni /etc/tsnet /etc/cni; do
  mkdir -p $folder
  mount -t tmpfs -o mode=755 tmpfs $folder
done
case "$TSNET_LAB_IPTABLES" in
  nft|legacy)
    for name in iptables ip6tables; do
      for suffix in '' -save -restore; do
        [ -e /usr/sbin/$name-$TSNET_LAB_IPTABLES$suffix ]
        ln -sfn /usr/sbin/$name-$TSNET_LAB_IPTABLES$suffix /etc/alternatives/$name$suffix
      done
    done;;
esac
ip link set lo up
unset TSNET_LAB_IPTABLES TSNET_LAB_OVERLAY
`

/** How a host is furnished. */
export interface HostSetting {
  /** Which variant `iptables` and its relatives are, through Debian's alternatives links. */
  readonly iptables?: 'nft' | 'legacy'
  /** `'no'` takes the way for kernels without overlayfs. */
  readonly overlay?: 'yes' | 'no'
}

/** Starts a process in a new network and a new, furnished mount namespace. */
export async function holdHost(name: string, setting: HostSetting = {}): Promise<Holder> {
  const script = furnish + holdUntilParentIsGone(withThisRun + inThisNetwork)
  const shell = ['sh', '-c', script, `tsnet-lab-host-${name}`]
  const child = spawnSurvivor(['unshare', '-n', '-m', '--propagation', 'private', ...shell], {
    env: { TSNET_LAB_IPTABLES: setting.iptables, TSNET_LAB_OVERLAY: setting.overlay },
  })
  return await ready(child, `host ${name}`)
}

/** Starts a process in a new, untouched network namespace, created inside the host that `host` holds. */
export async function holdContainer(name: string, host: Holder): Promise<Holder> {
  const shell = ['sh', '-c', holdUntilParentIsGone(inThisNetwork), `tsnet-lab-container-${name}`]
  const child = spawnSurvivor([...entering(host, host), 'unshare', '-n', ...shell])
  return await ready(child, `container ${name}`)
}

/** The start of an argv that runs the rest in `net`'s network and `mnt`'s mount namespace. */
export function entering(net: Pick<Holder, 'pid'>, mnt: Pick<Holder, 'pid'>): string[] {
  return ['nsenter', `--net=/proc/${net.pid}/ns/net`, `--mount=/proc/${mnt.pid}/ns/mnt`, '--']
}

async function ready(child: ChildProcess, what: string): Promise<Holder> {
  // The shell replaces setpriv, nsenter and unshare by exec: it has the pid we know from the start.
  const pid = child.pid
  const text = await new Promise<string>((resolve, reject) => {
    let seen = ''
    child.once('error', reject)
    child.once('close', () => resolve(seen))
    const add = (chunk: Buffer): void => {
      seen += chunk.toString()
      if (seen.endsWith('ready\n')) resolve(seen)
    }
    child.stdout?.on('data', add)
    child.stderr?.on('data', add)
  })
  if (pid === undefined || !text.endsWith('ready\n')) {
    throw new Error(`${what} could not be made (root is needed, see requirements.ts): ${text.trim()}`)
  }
  return { pid, alive: () => child.exitCode === null && child.signalCode === null }
}

/** Something of a lab that processes can be told by, and whose number is ours until `release`. */
export interface Kept {
  readonly has: (pid: string) => boolean
  release(): void
}

/**
 * Keeps the network namespace of a process that is certainly still the one meant: an
 * open descriptor keeps its number from being reused.
 */
export function keepNamespace(pid: number): Kept {
  const descriptor = openSync(`/proc/${pid}/ns/net`, 'r')
  const identity = readlinkSync(`/proc/self/fd/${descriptor}`)
  return {
    has: (other) => homeOf(other) === identity,
    release: () => closeSync(descriptor),
  }
}

/**
 * The network namespace a process lives in. `tsnet ps` of another test looks into every namespace of the machine, and a
 * tsnetd into its containers: their main thread goes in for a moment, and all others stay at home.
 *
 * @returns as in `net:[4026531840]` @throws where it has ended
 */
function homeOf(pid: string): string {
  const main = readlinkSync(`/proc/${pid}/ns/net`)
  let elsewhere: string | undefined
  // Nearly always the first look is enough.
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    if (thread === pid) continue
    try {
      const there = readlinkSync(`/proc/${pid}/task/${thread}/ns/net`)
      if (there === main) return main
      elsewhere ??= there
    } catch {
      // It ended meanwhile.
    }
  }
  return elsewhere ?? main
}

/** Keeps a host's /run, by which all of its processes are told. */
export function keepRun(pid: number): Kept {
  const descriptor = openSync(`/proc/${pid}/root/run`, 'r')
  const { dev } = fstatSync(descriptor)
  // The machine's own would be everybody's.
  if (dev === statSync('/run').dev)
    throw new Error(`process ${pid} holds no throwaway host: it has no /run of its own`)
  // As the kernel packs them: include/linux/kdev_t.h.
  const device = `${(dev >>> 8) & 0xfff}:${(dev & 0xff) | ((dev >>> 12) & 0xfff00)}`
  const mounted = new RegExp(`^\\d+ \\d+ ${device} `, 'm')
  return {
    has: (other) => mounted.test(readFileSync(`/proc/${other}/mountinfo`, 'utf8')),
    release: () => closeSync(descriptor),
  }
}

/** Whoever lives in the network namespace of a process that is certainly still the one meant. @internal */
export function processesBeside(pid: number): readonly number[] {
  const kept = keepNamespace(pid)
  try {
    return processesOf([kept])
  } finally {
    kept.release()
  }
}

function processesOf(kept: readonly Kept[]): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => kept.some(({ has }) => holds(has, pid)))
    .map(Number)
}

function holds(has: Kept['has'], pid: string): boolean {
  try {
    return has(pid)
  } catch {
    return false // it ended meanwhile, or is a zombie
  }
}

/**
 * Kills every process that has one of these, by pid, waits until none is left, and releases them.
 *
 * Takes kept ones because a bare number may, by the second look, belong
 * to a host of another test file.
 *
 * @throws Error naming the pids that survive SIGKILL for a minute: one who changes links waits for everybody on the machine who does
 */
export async function killAllOf(kept: readonly Kept[]): Promise<void> {
  const deadline = Date.now() + 60_000
  try {
    for (;;) {
      const left = processesOf(kept)
      if (left.length === 0) return
      if (Date.now() > deadline) throw new Error(`processes ${left.join(', ')} of the lab cannot be killed`)
      for (const pid of left) send(pid, 'SIGKILL')
      await sleep(5)
    }
  } finally {
    for (const one of kept) one.release()
  }
}

/** Signals a process if it has one of these; @returns whether it has. */
export function signalOneOf(kept: readonly Kept[], pid: number, signal: NodeJS.Signals): boolean {
  return kept.some(({ has }) => holds(has, String(pid))) && send(pid, signal)
}

function send(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal)
  } catch {
    return false // ESRCH: it ended meanwhile
  }
}
