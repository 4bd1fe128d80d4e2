/**
 * `tsnet podman status`.
 *
 * @module
 */

import type { PodmanStatus } from '../../../lib/adapters/netavark/install.ts'
import type { CommandDefinition } from '../command.ts'
import { renderFields } from '../print/fields.ts'
import { writeJson } from '../print/json.ts'
import { placementOf, where } from './place.ts'

/** As of `tsnet check`: not as it was set up. */
const notAsInstalled = 5

export const podmanStatus: CommandDefinition = {
  path: ['podman', 'status'],
  summary: 'does podman use tsnet, and if not, why?',
  about:
    'Reads what podman reads: containers.conf, its drop-ins, CONTAINERS_CONF and CONTAINERS_HELPER_BINARY_DIR. ' +
    'Exit code 5 where it is installed and podman uses another netavark all the same.',
  args: [],
  groups: [where],
  onSignal: 'stop',
  run: async (invocation, session) => {
    const { podmanStatus: look } = await import('../../../lib/adapters/netavark/install.ts')
    const status = look(placementOf(invocation, session), session.io.env)
    const { globals } = invocation
    const { io, palette } = session
    if (globals.json) writeJson(io.stdout, 'podman status', status)
    else io.stdout.write(globals.quiet ? `${summary(status)}\n` : renderFields(rows(status), palette))
    return status.obstacles.length > 0 ? notAsInstalled : 0
  },
}

function summary({ isOurs, file }: PodmanStatus): string {
  return isOurs ? 'used' : file === undefined ? 'not installed' : 'not used'
}

function rows(status: PodmanStatus): readonly [string, readonly string[]][] {
  const { file, netavark, backend, obstacles } = status
  return [
    ['tsnet', [summary(status)]],
    ['drop-in', [file ?? 'none: tsnet podman install writes one']],
    ['netavark', [netavark ?? 'none in the folders podman looks in']],
    ['backend', [backend === '' ? 'chosen by podman' : backend]],
    ...(obstacles.length === 0 ? [] : [['because', obstacles] satisfies [string, readonly string[]]]),
  ]
}
