/**
 * What the commands about Docker's driver share: which daemon, which socket.
 *
 * @module
 */

import { resolve } from 'node:path'
import type { DockerPlace, DockerStatus } from '../../../lib/daemon.ts'
import { type Invocation, type OptionGroup, type Session, switchFlag, textFlag } from '../command.ts'
import { renderFields } from '../print/fields.ts'
import { writeJson } from '../print/json.ts'

export const where: OptionGroup = {
  title: 'Where',
  options: [
    {
      flags: '--socket <path>',
      about: 'where the driver listens (default: /run/docker/plugins/tsnet.sock)',
    },
    {
      flags: '--spec',
      about: 'tell dockerd by /etc/docker/plugins/tsnet.spec, and listen at /run/tsnet/docker.sock',
    },
  ],
}

export function placeOf({ flags, globals }: Invocation, { io }: Session): DockerPlace {
  const stateDir = globals.stateDir ?? io.env['TSNET_STATE_DIR']
  const socket = textFlag(flags, 'socket')
  return {
    ...(stateDir === undefined || stateDir === '' ? {} : { stateDir: resolve(io.cwd ?? '', stateDir) }),
    ...(socket === undefined ? {} : { socket: resolve(io.cwd ?? '', socket) }),
    spec: switchFlag(flags, 'spec'),
  }
}

/** The state after a command, or as it is. */
export function tell(status: DockerStatus, { globals }: Invocation, { io, palette }: Session): void {
  if (globals.json) writeJson(io.stdout, 'docker status', status)
  else io.stdout.write(globals.quiet ? `${summary(status)}\n` : renderFields(rows(status), palette))
}

function summary({ installed, answerMs }: DockerStatus): string {
  if (answerMs !== undefined) return 'answers'
  return installed === 'no' ? 'not installed' : 'silent'
}

function rows(status: DockerStatus): readonly [string, readonly string[]][] {
  const { installed, socket, spec, answerMs, networks } = status
  const ways = {
    systemd: 'tsnet-docker.socket and .service of systemd',
    mark: 'every tsnetd of this state folder serves it',
    no: 'tsnet docker install does it',
  }
  return [
    ['driver', [answerMs === undefined ? summary(status) : `answers, in ${answerMs} ms`]],
    ['installed', [ways[installed]]],
    ['socket', [socket]],
    ...(spec === undefined ? [] : [['spec', [spec]] satisfies [string, readonly string[]]]),
    ['networks', [String(networks)]],
  ]
}
