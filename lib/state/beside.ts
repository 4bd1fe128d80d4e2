/**
 * State folders beside ours: other tsnets of the same machine.
 *
 * What the networks of a backend have in common is one set of chains or one
 * table for each network namespace, and whoever makes, mends or removes that
 * does it with all that is in it. So one folder has it, and here it is found
 * out which. In which namespace it was made its record says; where folders
 * other than the usual one are, `/run/tsnet/beside/`, as long as they have any.
 * Nothing here is trusted further than for a refusal: what cannot be read is nobody's.
 *
 * @module
 */

import { statSync } from 'node:fs'
import { shortHash } from '../model/hash.ts'
import type { SandboxIdentity } from '../model/sandbox.ts'
import { readJson, removeFile, writeJson } from './files.ts'
import { listFolder, removeEmptyFolder } from './folders.ts'
import { type StatePaths, statePaths } from './paths.ts'
import type { UnitRecord } from './records.ts'

export interface FoldersBeside {
  /** The folder of whoever names none. */
  readonly usual: string
  /** The folder of another tsnet that has this unit, or is about to make or remove it, in this namespace. */
  holder(unit: string, here: SandboxIdentity): string | undefined
  /** From now on others may find us. */
  tell(): void
  forget(): void
}

/** @param usual where others look for us */
export function foldersBeside({ run }: StatePaths, usual: string = statePaths().run): FoldersBeside {
  const told = `${usual}/beside`
  const mark = `${told}/${shortHash([run], 12)}.json`
  return {
    usual,
    holder: (unit, here) =>
      [usual, ...listFolder(told).flatMap((name) => read<string>(`${told}/${name}`) ?? [])].find(
        (folder) => typeof folder === 'string' && isOf(recordIn(folder, unit), here) && !isSame(folder, run),
      ),
    tell: () => {
      if (run !== usual) writeJson(mark, run)
    },
    forget: () => {
      if (run === usual || !removeFile(mark)) return
      for (const folder of [told, usual]) removeEmptyFolder(folder)
    },
  }
}

function recordIn(folder: string, unit: string): UnitRecord | undefined {
  const { units, pending } = statePaths(folder)
  const made = (): UnitRecord | undefined => read<UnitRecord>(`${units}/${unit}.json`)
  // Made between two looks, it has moved to where it was looked for first.
  return made() ?? read<UnitRecord>(`${pending}/unit.${unit}.json`) ?? made()
}

function isOf(record: UnitRecord | undefined, { cookie, bootId }: SandboxIdentity): boolean {
  return record?.netns?.cookie === cookie && record.netns.bootId === bootId
}

/** One folder can have several paths. */
function isSame(one: string, other: string): boolean {
  const [a, b] = [one, other].map((path) => statSync(path, { throwIfNoEntry: false }))
  return one === other || (a !== undefined && a.dev === b?.dev && a.ino === b.ino)
}

function read<T>(path: string): T | undefined {
  try {
    return readJson<T>(path)
  } catch {
    return undefined
  }
}
