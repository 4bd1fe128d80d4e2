/**
 * What nobody misses: temporary files of killed processes, empty folders, and
 * at last the whole run state when nothing is set up any more.
 *
 * All of it under the exclusive host lock, when nobody else is at work below.
 *
 * @module
 */

import { removeFile } from './files.ts'
import { deadTemporaries, isEmptyFolder, removeEmptyFolder, subfolders } from './folders.ts'
import type { StatePaths } from './paths.ts'

export interface Tidying {
  /** Nothing at all is in the journal. */
  isJournalEmpty(): boolean
  /** A process was killed while it wrote its journal. */
  hasDebris(): boolean
  removeDebris(): void
  /** Nothing is recorded, defined at first use or pending: worth looking with the lock. */
  looksEmpty(): boolean
  /** Takes folders away from the leaves up, as far as they are empty. @returns whether all are gone but for the locks */
  removeEmpty(): boolean
  /** The folder of locks and those above it, after the locks in it have gone. */
  removeTop(): void
}

export function tidying(paths: StatePaths): Tidying {
  // In the order of a removal: records before what they hold.
  const folders = [
    paths.containers,
    paths.pending,
    paths.units,
    paths.ephemeral,
    paths.leases,
    paths.ports,
    paths.names,
  ]
  const everywhere = (): readonly string[] => [
    paths.run,
    ...[...folders, paths.networks].flatMap(withSubfolders),
  ]
  return {
    isJournalEmpty: () => isEmptyFolder(paths.pending),
    hasDebris: () => deadTemporaries(paths.pending).length > 0,
    removeDebris: () => {
      for (const folder of everywhere()) {
        for (const file of deadTemporaries(folder)) removeFile(file)
      }
      // No deeper: an empty folder in the place of a reservation still holds it.
      const protocols = subfolders(paths.ports)
      for (const folder of [...subfolders(paths.leases), ...protocols.flatMap(subfolders), ...protocols])
        removeEmptyFolder(folder)
    },
    looksEmpty: () => [paths.containers, paths.units, paths.ephemeral, paths.pending].every(isEmptyFolder),
    removeEmpty: () => {
      removeEmptyFolder(paths.networks)
      const gone = folders.map(removeEmptyFolder).every(Boolean)
      if (gone) removeFile(paths.boot)
      return gone
    },
    removeTop: () => {
      removeEmptyFolder(paths.locks)
      for (const folder of paths.ours) removeEmptyFolder(folder)
    },
  }
}

/** Parents first. */
function withSubfolders(path: string): readonly string[] {
  return [path, ...subfolders(path).flatMap(withSubfolders)]
}
