/**
 * Names below /run/netns for namespaces that have none, so that `ip netns`
 * lists and enters them.
 *
 * Symbolic links and not mounts, which is what `ip netns` makes: a mount would
 * keep a namespace alive, with its veth pair, after its container has ended. A
 * link dies with the process it leads to; should the pid be given to another
 * process, the next `ns link` or `ns link --undo` takes the link away. Ours
 * begin with `/./`, which nobody writes by hand.
 *
 * @module
 */

import { mkdirSync, rmdirSync, symlinkSync, unlinkSync } from 'node:fs'
import { fail } from '../../errors/codes.ts'
import { errnoOf, errnoText } from '../system/errno.ts'
import { inodeAt, linkText, namesIn } from '../system/processes.ts'

const folder = '/run/netns'
const mark = '/.'

export interface NetnsLink {
  readonly name: string
  /** Inode of the namespace it leads to, undefined where that is gone. */
  readonly inode: string | undefined
}

/** Every name in /run/netns that is there for `ip netns`. */
export function netnsNames(): readonly NetnsLink[] {
  return namesIn(folder).map((name) => ({ name, inode: inodeAt(`${folder}/${name}`) }))
}

/** Those that tsnet has made. */
export function ownNetnsLinks(): readonly NetnsLink[] {
  return netnsNames().filter(({ name }) => linkText(`${folder}/${name}`)?.startsWith(`${mark}/`) === true)
}

/**
 * @param path of the namespace, absolute
 * @throws TSNET_STEP_FAILED (internal), TSNET_NAME_IN_USE (conflict)
 */
export function addNetnsLink(name: string, path: string): void {
  try {
    mkdirSync(folder, { recursive: true })
    symlinkSync(`${mark}${path}`, `${folder}/${name}`)
  } catch (error) {
    const taken = namesIn(folder).includes(name)
    throw fail(taken ? 'TSNET_NAME_IN_USE' : 'TSNET_STEP_FAILED', {
      message: `making ${folder}/${name}: ${errnoText(errnoOf(error) ?? 0)}`,
      value: name,
      cause: error,
    })
  }
}

/** Takes one of ours away; the folder too where it is empty then. */
export function removeNetnsLink(name: string): void {
  unlinkSync(`${folder}/${name}`)
  try {
    if (namesIn(folder).length === 0) rmdirSync(folder)
  } catch {
    // `ip netns` has made it a mount: it stays.
  }
}
