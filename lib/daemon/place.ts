/**
 * Where a daemon listens, and which of several that want to is the one.
 *
 * ```
 * /run/tsnet/tsnetd.sock   clients connect here; root only, or a group that was granted
 * /run/tsnet/tsnetd.pid    its pid, locked (flock) as long as it takes calls
 * /run/tsnet/tsnetd.log    what one that was started on demand has to say
 * ```
 *
 * With `--state-dir X` all below X, with `--socket P.sock` beside P. A new daemon
 * listens under another name and then takes the name by rename: there is no
 * moment without a socket that answers.
 *
 * @module
 */

import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { basename, dirname } from 'node:path'
import { fail, rightsLacking } from '../errors/codes.ts'
import { LOCK_EX, tryFlock } from '../kernel/system/libc.ts'
import type { Whereabouts } from './api.ts'

export interface DaemonPlace {
  readonly folder: string
  readonly socket: string
  readonly pidFile: string
  readonly log: string
}

export function daemonPlace(options: { readonly stateDir?: string; readonly socket?: string }): DaemonPlace {
  const socket = options.socket ?? `${options.stateDir ?? '/run/tsnet'}/tsnetd.sock`
  const stem = socket.replace(/\.sock$/, '')
  return { folder: dirname(socket), socket, pidFile: `${stem}.pid`, log: `${stem}.log` }
}

/** Of this process. */
export function whereabouts(): Whereabouts {
  return { netns: identityOf('/proc/self/ns/net'), mntns: identityOf('/proc/self/ns/mnt') }
}

function identityOf(path: string): string {
  const { dev, ino } = statSync(path)
  return `${dev}:${ino}`
}

/** open(2): a name for the folder and nothing more. Node has no word for it. */
const O_PATH = 0o10000000

/** A socket's path in words the kernel takes: sun_path is 108 bytes, state folders may be longer. */
export interface ShortPath extends Disposable {
  readonly path: string
}

/** @throws ENOENT where the folder is missing */
export function shortPath(path: string): ShortPath {
  // Who may connect need not be allowed to list the folder.
  const fd = openSync(dirname(path), O_PATH | constants.O_DIRECTORY)
  let open = true
  return {
    path: `/proc/self/fd/${fd}/${basename(path)}`,
    [Symbol.dispose]: () => {
      if (open) closeSync(fd)
      open = false
    },
  }
}

/** The error for a place this user may not ask at: who may is root, or a group that was granted. */
export function notOpen({ socket }: DaemonPlace): Error {
  return fail('TSNET_NOT_ROOT', {
    message: `asking tsnetd at ${socket}: it is not open to this user`,
    value: socket,
    hint: 'run it with sudo, or tsnetd with --group',
  })
}

export interface Claim {
  /** Others may take the place from now on. */
  release(): void
}

/**
 * Makes this process the one daemon of the place.
 *
 * @throws TSNET_DAEMON_RUNNING (conflict) where another is
 */
export function claimPlace({ pidFile, socket }: DaemonPlace): Claim {
  const fd = openSync(pidFile, constants.O_RDWR | constants.O_CREAT, 0o600)
  if (!tryFlock(fd, LOCK_EX) || !isAt(pidFile, fd)) {
    closeSync(fd)
    const pid = readPid(pidFile)
    throw fail('TSNET_DAEMON_RUNNING', {
      message: `claiming ${socket}: tsnetd${pid === undefined ? '' : ` (pid ${pid})`} answers there already`,
      value: socket,
      hint: '"tsnet daemon stop" ends it; "tsnet daemon status" shows it',
    })
  }
  truncateSync(pidFile)
  writeSync(fd, `${process.pid}\n`)
  let held = true
  return {
    release: () => {
      if (!held) return
      held = false
      // While it is locked: whoever comes next makes a file of its own.
      if (isAt(pidFile, fd)) unlinkSync(pidFile)
      closeSync(fd)
    },
  }
}

/**
 * The daemon that takes calls there; undefined where none does, also right after one was killed.
 *
 * @throws TSNET_NOT_ROOT (forbidden) where this user may not see
 */
export function runningDaemon(place: DaemonPlace): number | undefined {
  const { pidFile } = place
  let fd: number
  try {
    fd = openSync(pidFile, constants.O_RDONLY)
  } catch (error) {
    if (rightsLacking(error) !== undefined) throw notOpen(place)
    return undefined
  }
  try {
    return tryFlock(fd, LOCK_EX) ? undefined : readPid(pidFile)
  } finally {
    closeSync(fd)
  }
}

function readPid(pidFile: string): number | undefined {
  try {
    return Number(readFileSync(pidFile, 'utf8')) || undefined
  } catch {
    return undefined
  }
}

function isAt(path: string, fd: number): boolean {
  const [there, ours] = [statSync(path, { throwIfNoEntry: false }), fstatSync(fd)]
  return there !== undefined && there.ino === ours.ino && there.dev === ours.dev
}

/** A socket file that has taken the daemon's name. */
export interface PlacedSocket {
  /** It has that name still: nobody has removed it, no other daemon has taken over. */
  isThere(): boolean
  /** Takes the name away, if it is ours still. */
  remove(): void
}

/** @param from where it listens already @param group may connect besides root */
export function placeSocket(from: string, to: string, group: number | undefined): PlacedSocket {
  if (group !== undefined) chownSync(from, 0, group)
  chmodSync(from, group === undefined ? 0o600 : 0o660)
  renameSync(from, to)
  const { ino, dev } = statSync(to)
  const isThere = (): boolean => {
    const there = statSync(to, { throwIfNoEntry: false })
    return there !== undefined && there.ino === ino && there.dev === dev
  }
  return {
    isThere,
    remove: () => {
      if (isThere()) unlinkSync(to)
    },
  }
}

/**
 * A group's number by its name or number.
 *
 * @throws TSNET_BAD_VALUE (invalid)
 */
export function groupId(name: string): number {
  if (/^\d+$/.test(name)) return Number(name)
  const line = readFileSync('/etc/group', 'utf8')
    .split('\n')
    .find((one) => one.startsWith(`${name}:`))
  const id = line?.split(':')[2]
  if (id !== undefined) return Number(id)
  throw fail('TSNET_BAD_VALUE', {
    message: `reading --group: there is no group ${name}`,
    field: '--group',
    value: name,
    hint: 'see /etc/group; groupadd makes one',
  })
}
