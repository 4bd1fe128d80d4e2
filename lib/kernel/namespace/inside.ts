/**
 * What a namespace says of itself to whoever is in it for a moment: settings,
 * listeners, and the neighbours it knows.
 *
 * @module
 */

import { closeSync } from 'node:fs'
import { type LocalSocket, localSockets } from '../packets/sockets.ts'
import { readSysctls } from '../system/sysctl.ts'
import { openNetns, withNetns } from './netns.ts'

export interface InsideView {
  readonly sysctls: ReadonlyMap<string, string | undefined>
  readonly tcp: readonly LocalSocket[]
  readonly udp: readonly LocalSocket[]
}

/** @returns undefined where it is gone */
export function lookInside(netns: string, keys: readonly string[]): InsideView | undefined {
  let fd: number | undefined
  try {
    fd = openNetns(netns)
    return withNetns(fd, () => ({
      sysctls: readSysctls(keys),
      tcp: localSockets('tcp').filter(({ connected }) => !connected),
      udp: localSockets('udp').filter(({ connected }) => !connected),
    }))
  } catch {
    return undefined
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}
