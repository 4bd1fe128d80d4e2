/**
 * Where podman's configuration is, and our netavark.
 *
 * @module
 */

import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Placement } from '../../../lib/adapters/netavark/install.ts'
import { type Invocation, type OptionGroup, type Session, textFlag } from '../command.ts'

export const where: OptionGroup = {
  title: 'Where',
  options: [
    {
      flags: '--dir <dir>',
      about: 'folder of podman’s drop-in files (default: /etc/containers/containers.conf.d)',
    },
  ],
}

export function placementOf({ flags }: Invocation, { io }: Session): Placement {
  return {
    helpers: ownHelpers(),
    folder: resolve(io.cwd ?? '', textFlag(flags, 'dir') ?? '/etc/containers/containers.conf.d'),
  }
}

/** A bundle lies in dist/bin/parts, sources in cmd/tsnet/podman. */
function ownHelpers(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(`${folder}/dist/podman`) && folder !== '/') folder = dirname(folder)
  return `${folder}/dist/podman`
}
