/**
 * Which boot of the host the run state is about: a state folder on a disk
 * outlives the kernel that held what it describes.
 *
 * @module
 */

import { writeJson } from './files.ts'
import type { StatePaths } from './paths.ts'
import { rememberedFile } from './remembered.ts'

export interface BootMark {
  /** Undefined before anything was written. */
  read(): string | undefined
  write(bootId: string): void
}

export function bootMark(paths: StatePaths): BootMark {
  return { read: rememberedFile<string>(paths.boot), write: (bootId) => writeJson(paths.boot, bootId) }
}
