/**
 * Where podman's configuration is, and our netavark.
 *
 * @module
 */

import { resolve } from 'node:path'
import type { Placement } from '../../../lib/adapters/netavark/install.ts'
import { type Invocation, type OptionGroup, type Session, textFlag } from '../command.ts'
import { installed } from '../installation.ts'

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
    helpers: installed('dist/podman'),
    folder: resolve(io.cwd ?? '', textFlag(flags, 'dir') ?? '/etc/containers/containers.conf.d'),
  }
}
