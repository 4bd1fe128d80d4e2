/**
 * The processes that hold a throwaway namespace, and finding whoever is in one.
 *
 * A holder is a shell that waits on its standard input: when the test worker
 * dies, however, the pipe closes, and the holder kills everything that shares
 * its namespace before it ends. That covers programs a test has started which
 * made themselves daemons; PR_SET_PDEATHSIG would not reach those.
 *
 * Limit: a process that left the host's mount namespace by its own `unshare
 * -m` is found only while it is in one of the host's network namespaces.
 *
 * @module
 */
import type { ChildProcess } from 'node:child_process'
import { closeSync, openSync, readdirSync, readlinkSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { spawnSurvivor } from './process.ts'

/** A running holder. */
export interface Holder {
  readonly pid: number
  /** False once it has ended; its pid and the numbers of its namespaces may then be another's. */
  alive(): boolean
}

/** Waits for the end of standard input, then kills all that share the given kind of namespace. */
function holdUntilParentIsGone(kind: 'net' | 'mnt'): string {
  return `
echo ready
while read -r _; do :; done
own=$(readlink /proc/self/ns/${kind})
pattern="\${own%%[*}\\\\[\${own#*[}"
for link in $(find /proc/[0-9]*/ns/${kind} -lname "$pattern" 2>/dev/null); do
  pid=\${link#/proc/}; pid=\${pid%%/*}
  [ "$pid" = $$ ] || kill -KILL "$pid" 2>/dev/null
done
`
}

/**
 * The set-up of a host's mount namespace, seen by nobody outside it.
 *
 * /etc and /var/lib become overlays whose upper layer is in memory, so that
 * mount points for /etc/tsnet and the like, changed alternatives links and
 * whatever a tested program writes there never reach the machine's disk. The
 * layer is detached after use and stays reachable only through the overlay.
 * Where the kernel refuses an overlay, the folders are copied or bound instead.
 * A fresh sysfs shows this network namespace's links; the inherited one would
 * go on showing the machine's.
 */
const furnish = `
set -e
mount -t sysfs sysfs /sys
mount -t tmpfs -o mode=755 tmpfs /run
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

/** Settings of {@link holdHost}. */
export interface HostSetting {
  /** Which variant `iptables` and its relatives are, through Debian's alternatives links. */
  readonly iptables?: 'nft' | 'legacy'
  /** `'no'` takes the way for kernels without overlayfs. */
  readonly overlay?: 'yes' | 'no'
}

/** Starts a process in a new network and a new, furnished mount namespace. */
export async function holdHost(name: string, setting: HostSetting = {}): Promise<Holder> {
  const script = furnish + holdUntilParentIsGone('mnt')
  const shell = ['sh', '-c', script, `tsnet-lab-host-${name}`]
  const child = spawnSurvivor(['unshare', '-n', '-m', '--propagation', 'private', ...shell], {
    env: { TSNET_LAB_IPTABLES: setting.iptables, TSNET_LAB_OVERLAY: setting.overlay },
  })
  return await ready(child, `host ${name}`)
}

/** Starts a process in a new, untouched network namespace, created inside the host that `host` holds. */
export async function holdContainer(name: string, host: Holder): Promise<Holder> {
  const shell = ['sh', '-c', holdUntilParentIsGone('net'), `tsnet-lab-container-${name}`]
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

/** Pids of all processes in a namespace given as `net:[…]` or `mnt:[…]`. */
function processesIn(identity: string): number[] {
  const kind = identity.slice(0, identity.indexOf(':'))
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => {
      try {
        return readlinkSync(`/proc/${pid}/ns/${kind}`) === identity
      } catch {
        return false // it ended meanwhile, or is a zombie
      }
    })
    .map(Number)
}

/** A namespace whose number is ours until `release`, because an open descriptor keeps it from being reused. */
export interface KeptNamespace {
  readonly identity: string
  release(): void
}

/** Keeps the namespace of a process that is certainly still the one meant. */
export function keepNamespace(pid: number, kind: 'net' | 'mnt'): KeptNamespace {
  const descriptor = openSync(`/proc/${pid}/ns/${kind}`, 'r')
  return { identity: readlinkSync(`/proc/self/fd/${descriptor}`), release: () => closeSync(descriptor) }
}

/**
 * Kills every process in the given namespaces by pid, waits until none is left, and releases them.
 *
 * Takes kept namespaces because a bare number may, by the second look, belong
 * to a host of another test file.
 *
 * @throws Error naming the pids that survive SIGKILL for five seconds
 */
export async function emptyNamespaces(kept: readonly KeptNamespace[]): Promise<void> {
  const deadline = Date.now() + 5000
  try {
    for (;;) {
      const left = [...new Set(kept.flatMap(({ identity }) => processesIn(identity)))]
      if (left.length === 0) return
      if (Date.now() > deadline) throw new Error(`processes ${left.join(', ')} of the lab cannot be killed`)
      for (const pid of left) {
        try {
          process.kill(pid, 'SIGKILL')
        } catch {
          // ESRCH: it ended meanwhile.
        }
      }
      await sleep(5)
    }
  } finally {
    for (const namespace of kept) namespace.release()
  }
}
