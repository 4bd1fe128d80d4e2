/**
 * `tsnet docker install` and `uninstall`: Docker's driver for good.
 *
 * @module
 */

import type { CommandDefinition } from '../command.ts'
import { placeOf, tell, where } from './place.ts'

export const dockerInstall: CommandDefinition = {
  path: ['docker', 'install'],
  summary: 'have dockerd find the network driver "tsnet"',
  about:
    'From then on docker network create -d tsnet works, and docker run on such networks. With systemd a socket and a ' +
    'service are written and started, before docker.service at boot; without it every tsnetd serves dockerd, and one is ' +
    'started now. dockerd need not be restarted, nor be there at all.',
  args: [],
  groups: [where],
  onSignal: 'finish',
  run: async (invocation, session) => {
    const { installDocker } = await import('../../../lib/daemon.ts')
    const installed = installDocker(placeOf(invocation, session))
    tell(await session.waitFor("installing Docker's driver", installed), invocation, session)
    return 0
  },
}

export const dockerUninstall: CommandDefinition = {
  path: ['docker', 'uninstall'],
  summary: 'take the driver away again',
  about:
    'Takes away what tsnet docker install wrote, and nothing else. Refused while Docker has networks of the driver: ' +
    'their containers could not be started any more.',
  args: [],
  groups: [],
  onSignal: 'finish',
  run: async (invocation, session) => {
    const { uninstallDocker } = await import('../../../lib/daemon.ts')
    const uninstalled = uninstallDocker(placeOf(invocation, session))
    tell(await session.waitFor("uninstalling Docker's driver", uninstalled), invocation, session)
    return 0
  },
}
