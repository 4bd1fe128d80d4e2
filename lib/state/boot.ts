/**
 * Which boot of the host the run state is about: a state folder on a disk
 * outlives the kernel that held what it describes.
 *
 * @module
 */

import { setAside } from './aside.ts'
import { isUnreadable } from './filefaults.ts'
import { clearPlace, type Warn, writeJson } from './files.ts'
import type { StatePaths } from './paths.ts'
import { rememberedFile } from './remembered.ts'

export interface BootMark {
  /** Undefined before anything was written, and where what is written there is no boot id. */
  read(): string | undefined
  write(bootId: string): void
}

export function bootMark(paths: StatePaths, warn: Warn): BootMark {
  const remembered = rememberedFile<unknown>(paths.boot)
  const recorded = (): unknown => {
    try {
      return remembered()
    } catch (error) {
      if (!isUnreadable(error)) throw error
      return null
    }
  }
  return {
    read: () => {
      const boot = recorded()
      return typeof boot === 'string' ? boot : undefined
    },
    write: (bootId) => {
      const before = recorded()
      if (before !== undefined && typeof before !== 'string')
        setAside(paths.boot, 'it is no boot id; taken for this boot', warn)
      clearPlace(paths.boot)
      writeJson(paths.boot, bootId)
    },
  }
}
