/**
 * Which process is in which namespace, as /proc tells.
 *
 * Processes end while they are looked at: what cannot be read is left out. Not
 * seen: threads that go into other namespaces for moments, as those of container
 * engines do, and our own main thread (namespace/netns.ts).
 *
 * @see proc(5), proc_pid_mountinfo(5)
 * @module
 */

import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'

export interface ProcessFact {
  readonly pid: number
  /** `comm`: at most 15 characters. */
  readonly program: string
}

export interface NamespaceMount {
  /** Inode of the namespace. */
  readonly inode: string
  /** Where this process finds it. */
  readonly path: string
}

/** Of all processes, lowest first. */
export function allPids(): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .map(Number)
    .sort((a, b) => a - b)
}

/** `4026531840` of `net:[4026531840]`, undefined where the process is gone or a zombie. */
export function namespaceOf(pid: number | 'self', kind: 'net' | 'mnt' | 'user'): string | undefined {
  return inodeIn(linkText(`/proc/${pid}/ns/${kind}`))
}

/**
 * The network namespace a process lives in: that of its main thread, unless all its other threads are elsewhere and it
 * only visits, as another tsnet may while we look.
 */
export function homeOf(pid: number): string | undefined {
  const shown = namespaceOf(pid, 'net')
  const threads = `/proc/${pid}/task`
  let elsewhere: string | undefined
  // Nearly always the first look is enough.
  for (const thread of namesIn(threads)) {
    if (thread === String(pid)) continue
    const there = inodeIn(linkText(`${threads}/${thread}/ns/net`))
    if (there !== undefined && there === shown) return shown
    elsewhere ??= there
  }
  return elsewhere ?? shown
}

/** Of what a path leads to, undefined where it leads nowhere. */
export function inodeAt(path: string): string | undefined {
  try {
    return String(statSync(path, { bigint: true }).ino)
  } catch {
    return undefined
  }
}

function inodeIn(text: string | undefined): string | undefined {
  return text === undefined ? undefined : /\[([0-9]+)\]$/.exec(text)?.[1]
}

export function processFact(pid: number): ProcessFact {
  return { pid, program: (fileText(`/proc/${pid}/comm`) ?? '').trim() }
}

/** The path of its cgroup: of version 2, else the longest of version 1. */
export function cgroupOf(pid: number): string {
  const lines = (fileText(`/proc/${pid}/cgroup`) ?? '').split('\n').filter((line) => line !== '')
  const paths = lines.map((line) => line.split(':').slice(2).join(':'))
  return paths.sort((a, b) => b.length - a.length)[0] ?? ''
}

/** Descriptors by which a process keeps network namespaces it is not in. */
export function heldNamespaces(pid: number): readonly NamespaceMount[] {
  const folder = `/proc/${pid}/fd`
  return namesIn(folder).flatMap((fd) => {
    const text = linkText(`${folder}/${fd}`)
    if (text?.startsWith('net:[') !== true) return []
    return [{ inode: inodeIn(text) ?? '', path: `${folder}/${fd}` }]
  })
}

/** Network namespaces that are bind-mounted to files, as `ip netns` and container engines do. */
export function namespaceMounts(pid: number | 'self'): readonly NamespaceMount[] {
  const root = pid === 'self' ? '' : `/proc/${pid}/root`
  return (fileText(`/proc/${pid}/mountinfo`) ?? '').split('\n').flatMap((line) => {
    const [, , , within = '', at = ''] = line.split(' ')
    if (!within.startsWith('net:[')) return []
    return [{ inode: inodeIn(within) ?? '', path: `${root}${unescaped(at)}` }]
  })
}

/** Spaces and their like are written as octal numbers. */
function unescaped(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))
}

/** Names in a folder; none where there is no such folder. */
export function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

/** Of a link, undefined where it cannot be read. */
export function linkText(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    return undefined
  }
}

/** Of a small file, undefined where it cannot be read. */
export function fileText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
