/**
 * What becomes of files of ours: by disks, by people, by other versions.
 *
 * @module
 */
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'

export const damage: Readonly<Record<string, (path: string, text: string) => void>> = {
  'cut to nothing': (path) => writeFileSync(path, ''),
  'cut in the middle': (path, text) => writeFileSync(path, text.slice(0, text.length / 2)),
  garbled: (path) => writeFileSync(path, Buffer.from([0, 255, 1, 2, 200, 13, 10, 0x7b])),
  'of a newer version': (path, text) =>
    writeFileSync(
      path,
      text.includes('"version":1') ? text.replace('"version":1', '"version":2') : '{"version":2}',
    ),
  'another document': (path) => writeFileSync(path, '[]'),
  null: (path) => writeFileSync(path, 'null'),
  'a folder': (path) => {
    rmSync(path)
    mkdirSync(path)
  },
  'a link to itself': (path) => {
    rmSync(path)
    symlinkSync(path, path)
  },
}
