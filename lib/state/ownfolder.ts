/**
 * Whether a state folder is one, and ours alone: what lies in it is carried out
 * as root, so nobody else may have put it there.
 *
 * @module
 */

import { lstatSync, type Stats, statSync } from 'node:fs'
import { fail } from '../errors/codes.ts'
import { hasCode } from './filefaults.ts'

/** Writable by the group or by everybody. */
const byOthers = 0o022

/**
 * A folder that is not there yet is made by us. One look or two, for every engine.
 *
 * @throws TSNET_STATE_UNREADABLE (unavailable) where it is no folder, or another user owns it or may write to it
 */
export function refuseShared(path: string): void {
  const [there, folder] = lookAt(path)
  if (there === 'no folder') {
    throw fail('TSNET_STATE_UNREADABLE', {
      message: `using the state folder ${path}: it is no folder`,
      value: path,
      hint: 'choose another folder with --state-dir',
    })
  }
  // Whoever owns a link can let it lead elsewhere at any moment.
  const why = (there && ownerFault(there)) ?? (folder && (ownerFault(folder) ?? modeFault(folder)))
  if (why === undefined) return
  throw fail('TSNET_STATE_UNREADABLE', {
    message: `using the state folder ${path}: ${why}`,
    value: path,
    hint: `chown root ${path} and chmod go-w ${path} if you know what is in it, or choose another folder with --state-dir`,
  })
}

/** What lies there, a link or a folder, and the folder; undefined what is not there yet. */
function lookAt(path: string): ['no folder'] | [Stats | undefined, Stats | undefined] {
  try {
    const there = lstatSync(path, { throwIfNoEntry: false })
    const folder = there?.isSymbolicLink() === true ? statSync(path, { throwIfNoEntry: false }) : there
    return folder?.isDirectory() === false ? ['no folder'] : [there, folder]
  } catch (error) {
    // A file on the way to it.
    if (hasCode(error, 'ENOTDIR')) return ['no folder']
    throw error
  }
}

function ownerFault({ uid }: Stats): string | undefined {
  return uid === 0 || uid === process.geteuid?.() ? undefined : `it belongs to user ${uid}`
}

function modeFault({ mode }: Stats): string | undefined {
  return (mode & byOthers) === 0 ? undefined : `others may write to it (mode ${(mode & 0o7777).toString(8)})`
}
