/**
 * `tsnet podman install` and `uninstall`: our netavark for every podman of this host.
 *
 * @module
 */

import type { Change } from '../../../lib/adapters/netavark/install.ts'
import type { CommandDefinition, Invocation, Session } from '../command.ts'
import { writeJson } from '../print/json.ts'
import { placementOf, where } from './place.ts'

export const podmanInstall: CommandDefinition = {
  path: ['podman', 'install'],
  summary: 'have podman use tsnet for its networks',
  about:
    'Writes one file, 90-tsnet.conf, which names the folder with our netavark before those podman looks in, and ' +
    'netavark as network backend. Containers that run already go on as they are, and tsnet takes them down. ' +
    'For one command alone: CONTAINERS_HELPER_BINARY_DIR=…/dist/podman podman run …',
  args: [],
  groups: [where],
  onSignal: 'finish',
  run: async (invocation, session) => {
    const { installPodman } = await import('../../../lib/adapters/netavark/install.ts')
    return tell(installPodman(placementOf(invocation, session)), invocation, session)
  },
}

export const podmanUninstall: CommandDefinition = {
  path: ['podman', 'uninstall'],
  summary: 'have podman use its own netavark again',
  about:
    'Takes away what tsnet podman install wrote, and nothing else. Stop containers with published ports first: ' +
    'tsnet made their rules, and another netavark does not know them.',
  args: [],
  groups: [where],
  onSignal: 'finish',
  run: async (invocation, session) => {
    const { uninstallPodman } = await import('../../../lib/adapters/netavark/install.ts')
    return tell(uninstallPodman(placementOf(invocation, session)), invocation, session)
  },
}

const words: Readonly<Record<Change['done'], string>> = {
  written: 'written',
  unchanged: 'there already',
  removed: 'removed',
  absent: 'not there',
}

function tell(change: Change, { globals }: Invocation, { io }: Session): number {
  if (globals.json) writeJson(io.stdout, 'podman install', change)
  else io.stdout.write(globals.quiet ? `${change.file}\n` : `${change.file}: ${words[change.done]}\n`)
  return 0
}
