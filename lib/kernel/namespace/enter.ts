/**
 * Becomes another program inside a network namespace, as `ip netns exec` does.
 *
 * This process itself goes in and is replaced: terminal, signals and exit code
 * are the program's own, and nothing is left to wait. It gets a mount namespace
 * of its own, with a /sys that shows the namespace's links and the container's
 * resolv.conf and hosts over the host's. Only the main thread is moved, which is
 * the one that execve(2) keeps; user and pid namespaces stay the host's, because
 * a process with several threads cannot change the one and would have to fork
 * for the other.
 *
 * @see ip-netns(8), unshare(2), execve(2)
 * @module
 */

import { closeSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { fail } from '../../errors/codes.ts'
import { errnoText, SystemError } from '../system/errno.ts'
import { CLONE_NEWNET, setns } from '../system/libc.ts'
import { loadKoffi } from '../system/native.ts'
import { programPath } from '../system/run.ts'
import { openNetns } from './netns.ts'

const CLONE_NEWNS = 0x20000
const MS_BIND = 4096
const MS_REC = 16384
const MS_SLAVE = 1 << 19
const MNT_DETACH = 2
const SIGPIPE = 13
const F_SETFD = 2

/** A file of the container that is seen instead of the host's. */
export interface FileInPlace {
  /** Where the host has its own: /etc/resolv.conf. */
  readonly target: string
  /** A file, or what it would say. */
  readonly source: { readonly path: string } | { readonly text: string }
}

/** A program to be started in a container’s network. */
export interface Entry {
  readonly path: string
  readonly argv: readonly [string, ...string[]]
  readonly files: readonly FileInPlace[]
  /** Set beside what this process has. */
  readonly env: Readonly<Record<string, string>>
}

interface Calls {
  readonly unshare: (kinds: number) => number
  readonly mount: (
    source: string | null,
    target: string,
    kind: string | null,
    flags: number,
    data: null,
  ) => number
  readonly umount: (target: string, flags: number) => number
  readonly signal: (number: number, handler: number) => number
  readonly fcntl: (fd: number, command: number, value: number) => number
  readonly execv: (path: string, argv: readonly (string | null)[]) => number
}

/**
 * Never returns where it succeeds.
 *
 * @throws TSNET_PROGRAM_MISSING (unavailable), TSNET_NOT_A_NETNS (invalid),
 *   TSNET_STEP_FAILED (internal); the process is in the namespace then and should end
 */
export function becomeInside(entry: Entry): never {
  const path = programPath(entry.argv[0])
  const fd = openNetns(entry.path)
  const calls = libc()
  doing('entering the network namespace', () => setns(fd, CLONE_NEWNET))
  closeSync(fd)
  doing('making a mount namespace', () => check('unshare', calls.unshare(CLONE_NEWNS)))
  // What is mounted from now on stays here, and what the host unmounts goes here too.
  doing('separating mounts', () => check('mount', calls.mount(null, '/', null, MS_SLAVE | MS_REC, null)))
  freshSys(calls)
  for (const file of entry.files) putInPlace(calls, file)
  become(path, entry)
}

/**
 * Becomes another program where it stands.
 *
 * @throws TSNET_PROGRAM_MISSING (unavailable), TSNET_STEP_FAILED (internal)
 */
export function becomeProgram(argv: readonly [string, ...string[]]): never {
  become(programPath(argv[0]), { argv, env: {} })
}

function become(path: string, { argv, env }: Pick<Entry, 'argv' | 'env'>): never {
  const calls = libc()
  // Node ignores it, and what is ignored stays so in the program: `… | head` would never end it.
  calls.signal(SIGPIPE, 0)
  // Node keeps its standard streams from its children, and gives them theirs by other ways.
  for (const fd of [0, 1, 2]) calls.fcntl(fd, F_SETFD, 0)
  // Node hands these on to setenv(3), so the program has them.
  for (const [name, value] of Object.entries(env)) process.env[name] = value
  doing(`starting ${argv[0]}`, () => check('execv', calls.execv(path, [...argv, null])))
  throw fail('TSNET_INTERNAL', { message: 'execv returned' })
}

/** The inherited one goes on showing the links of the host. Kernels may refuse a new one: then it stays. */
function freshSys(calls: Calls): void {
  calls.umount('/sys', MNT_DETACH)
  calls.mount('tsnet', '/sys', 'sysfs', 0, null)
}

/** A host without such a file has nothing the container's could be put over. */
function putInPlace(calls: Calls, { target, source }: FileInPlace): void {
  if (!existsSync(target)) return
  if ('path' in source) {
    doing(`showing ${source.path} as ${target}`, () =>
      check('mount', calls.mount(source.path, target, null, MS_BIND, null)),
    )
    return
  }
  const folder = mkdtempSync('/run/tsnet-')
  try {
    writeFileSync(`${folder}/file`, source.text)
    doing(`writing ${target}`, () =>
      check('mount', calls.mount(`${folder}/file`, target, null, MS_BIND, null)),
    )
  } finally {
    // The mount keeps the file.
    rmSync(folder, { recursive: true })
  }
}

function doing(what: string, call: () => void): void {
  try {
    call()
  } catch (error) {
    if (!(error instanceof SystemError)) throw error
    throw fail('TSNET_STEP_FAILED', { message: `${what}: ${errnoText(error.errno)}`, cause: error })
  }
}

function check(call: string, result: number): void {
  if (result === -1) throw new SystemError(call, loadKoffi().errno())
}

function libc(): Calls {
  const library = loadKoffi().load('libc.so.6')
  return {
    unshare: library.func('int unshare(int kinds)') as Calls['unshare'],
    mount: library.func(
      'int mount(const char *source, const char *target, const char *kind, unsigned long flags, void *data)',
    ) as Calls['mount'],
    umount: library.func('int umount2(const char *target, int flags)') as Calls['umount'],
    signal: library.func('intptr_t signal(int number, intptr_t handler)') as Calls['signal'],
    // Variadic in C; with an int the plain call is the same on x86-64 and arm.
    fcntl: library.func('int fcntl(int fd, int command, int value)') as Calls['fcntl'],
    execv: library.func('int execv(const char *path, const char **argv)') as Calls['execv'],
  }
}
