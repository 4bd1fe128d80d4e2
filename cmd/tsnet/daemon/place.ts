/**
 * Which daemon the commands of this folder speak of.
 *
 * @module
 */

import { resolve } from 'node:path'
import type { OptionDefinition } from '../command.ts'
import { type Invocation, textFlag } from '../command.ts'
import type { Io } from '../io.ts'

export const socketOption: OptionDefinition = {
  flags: '--socket <path>',
  about: 'where it listens (default: tsnetd.sock below the state folder)',
}

export interface DaemonAddress {
  readonly stateDir?: string
  readonly socket?: string
}

export function addressOf({ flags, globals }: Invocation, env: Io['env']): DaemonAddress {
  const stateDir = globals.stateDir ?? env['TSNET_STATE_DIR']
  const socket = textFlag(flags, 'socket') ?? env['TSNET_SOCKET']
  return {
    ...(stateDir === undefined || stateDir === '' ? {} : { stateDir: resolve(stateDir) }),
    ...(socket === undefined || socket === '' ? {} : { socket: resolve(socket) }),
  }
}
