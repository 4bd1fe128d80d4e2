/**
 * Everything else that is measured, by name. README.md tells how to add one.
 *
 * @module
 */
import { crowd } from './crowd.ts'
import { daemon } from './daemon.ts'
import { docker } from './docker.ts'
import { names } from './names.ts'
import { packets } from './packets.ts'
import type { Part } from './part.ts'
import { range } from './range.ts'
import { restart } from './restart.ts'
import { start } from './start.ts'
import { together } from './together.ts'

export type PartName =
  | 'start'
  | 'daemon'
  | 'together'
  | 'crowd'
  | 'range'
  | 'packets'
  | 'restart'
  | 'names'
  | 'docker'

export const parts: Readonly<Record<PartName, Part>> = {
  start,
  daemon,
  together,
  crowd,
  range,
  packets,
  restart,
  names,
  docker,
}

export const partNames: readonly PartName[] = Object.keys(parts) as PartName[]
