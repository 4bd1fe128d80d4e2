/**
 * Starting the name server's process, and its workers.
 *
 * The process outlives us, so nothing of us may stay in it: a session of its
 * own, no inherited descriptors but the control socket and its log, no
 * environment. It keeps one capability, binding low ports, and where its files
 * are readable for everybody it runs as a user of its own; setpriv(1) sees to both before
 * Node starts, because from inside Node they reach one thread only. Under
 * systemd it gets a scope, so that stopping a service that set a container up
 * does not stop the names of all others.
 *
 * @see setpriv(1), systemd-run(1)
 * @module
 */

import { fork, spawn } from 'node:child_process'
import { chmodSync, closeSync, existsSync, openSync, statSync, unlinkSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Readable } from 'node:stream'
import { setFlagsFromString } from 'node:v8'
import { builtProgram } from './builtprogram.ts'
import { closeDescriptor, keepDescriptorsFromChildren } from './libc.ts'
import { preferProcess } from './priority.ts'
import { countSpawn, findProgram, programMissing } from './run.ts'
import { listen, openSocket } from './sockets.ts'

export interface NameServerPlace {
  /** Where it is told of changes. */
  readonly socketPath: string
  /** What it has to complain about. */
  readonly logPath: string
  /** Processes that answer, at least 1. */
  readonly workers: number
}

/** The descriptor of the control socket in the new process. */
export const CONTROL_FD = 3
const AF_UNIX = 1
const SOCK_STREAM = 1
const BACKLOG = 1024
/**
 * A user of its own, which has no account and no files: what other processes of `nobody` do is nothing to it.
 * systemd leaves 65520 to 65533 unused (https://systemd.io/UIDS-GIDS).
 */
const OWN_USER = 65_530

/**
 * Starts the process; it listens at the control socket from now on and answers when it is ready.
 *
 * @returns what kills it
 */
export function startNameServer({ socketPath, logPath, workers }: NameServerPlace): () => void {
  const program = builtProgram('tsnet-dns')
  const control = listenAt(socketPath)
  const log = openSync(logPath, 'a', 0o600)
  try {
    const argv = [
      ...inScope(),
      ...unprivileged(asItself(program)),
      ...nodeWith(program),
      `--workers=${workers}`,
    ]
    keepDescriptorsFromChildren()
    const child = spawn(argv[0] as string, argv.slice(1), {
      detached: true,
      cwd: '/',
      stdio: ['ignore', log, log, control],
      env: { PATH: path },
    })
    countSpawn()
    // Whether it lives is seen at the control socket.
    child.on('error', () => undefined)
    child.unref()
    if (child.pid !== undefined) preferProcess(child.pid)
    return () => void child.kill('SIGKILL')
  } finally {
    closeSync(log)
    closeDescriptor(control)
  }
}

/** On which a server that answers from files says, in one line, how it has begun; an empty one is good. */
export const READY_FD = 3
const READY_MS = 20_000

/**
 * Starts the same program answering from files that somebody else writes; those are root's, so it stays root, without
 * root's capabilities.
 *
 * @returns what it has said about its beginning; undefined where it has died of it
 */
export async function startFolderServer(words: readonly string[]): Promise<string | undefined> {
  const program = builtProgram('tsnet-dns')
  const argv = [...inScope(), ...unprivileged([]), ...nodeWith(program), ...words]
  keepDescriptorsFromChildren()
  const child = spawn(argv[0] as string, argv.slice(1), {
    detached: true,
    cwd: '/',
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    env: { PATH: path },
  })
  countSpawn()
  child.on('error', () => undefined)
  if (child.pid !== undefined) preferProcess(child.pid)
  const late = setTimeout(() => child.kill('SIGKILL'), READY_MS)
  try {
    let said = ''
    for await (const piece of child.stdio[READY_FD] as Readable) said += String(piece)
    return said.endsWith('\n') ? said.trim() : undefined
  } finally {
    clearTimeout(late)
    child.unref()
  }
}

const path = '/usr/sbin:/usr/bin:/sbin:/bin'

/** None of V8's own: with one of those it takes neither Node's compiled modules nor ours, and starts in twice the time. */
const nodeFlags: readonly string[] = ['--v8-pool-size=1', '--no-warnings']

/** A young generation that does not grow keeps this process small; names are few and long-lived. Called when all is loaded: see above. */
export function staySmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1')
}

function listenAt(path: string): number {
  try {
    unlinkSync(path)
  } catch {
    // Nothing there.
  }
  const folder = openSync(dirname(path), 'r')
  try {
    // Through the folder: sun_path is short, state folders need not be.
    const name = Buffer.from(`\0\0/proc/self/fd/${folder}/${path.slice(dirname(path).length + 1)}\0`)
    name.writeUInt16LE(AF_UNIX, 0)
    const fd = openSocket({ domain: AF_UNIX, type: SOCK_STREAM, address: name }, () => undefined)
    // Its folder is root's alone already.
    chmodSync(path, 0o600)
    listen(fd, BACKLOG)
    return fd
  } finally {
    closeSync(folder)
  }
}

/** Only where systemd is the init: there a service's processes end with it. */
function inScope(): readonly string[] {
  if (!existsSync('/run/systemd/system') || findProgram('systemd-run') === undefined) return []
  return ['systemd-run', '--quiet', '--scope', '--collect', '--']
}

/** Where it can read what it needs as anybody. */
function asItself(program: string): readonly string[] {
  const needed = [process.execPath, program, '/etc/resolv.conf']
  return needed.every(isPublic) ? [`--reuid=${OWN_USER}`, `--regid=${OWN_USER}`, '--clear-groups'] : []
}

const nodeWith = (program: string): readonly string[] => [process.execPath, ...nodeFlags, program]

function unprivileged(user: readonly string[]): readonly string[] {
  const setpriv = findProgram('setpriv')
  if (setpriv === undefined) throw programMissing('setpriv')
  const only = '-all,+net_bind_service'
  return [
    setpriv,
    ...user,
    `--inh-caps=${only}`,
    `--ambient-caps=${only}`,
    `--bounding-set=${only}`,
    '--no-new-privs',
    '--',
  ]
}

/** Everybody may read it, and enter every folder on the way. */
function isPublic(path: string): boolean {
  try {
    if ((statSync(path).mode & 0o004) === 0) return false
    for (let folder = dirname(path); ; folder = dirname(folder)) {
      if ((statSync(folder).mode & 0o001) === 0) return false
      if (folder === dirname(folder)) return true
    }
  } catch {
    // A host without resolv.conf has nothing there to be kept from.
    return path === '/etc/resolv.conf'
  }
}

/** Another process of this same program, connected by a channel of JSON. */
export interface WorkerProcess {
  readonly pid: number | undefined
  /** @param failed the process is gone, or going */
  send(message: object, failed: () => void): void
  onMessage(read: (message: unknown) => void): void
  onExit(gone: () => void): void
}

export function startWorker(argument: string): WorkerProcess {
  const [, program = ''] = process.argv
  countSpawn()
  const child = fork(program, [argument], { execArgv: [...nodeFlags], serialization: 'json' })
  // Reported by `exit` too, or by a send that fails.
  child.on('error', () => undefined)
  return {
    pid: child.pid,
    send: (message, failed) =>
      void child.send(message, (error) => {
        if (error !== null) failed()
      }),
    onMessage: (read) => void child.on('message', read),
    onExit: (gone) => void child.on('exit', gone),
  }
}
