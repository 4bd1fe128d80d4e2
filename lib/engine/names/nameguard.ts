/**
 * A name server that is killed is started again by whoever stays: tsnetd.
 * Without one the next command that changes anything does it.
 *
 * @module
 */

import { holdNameServer } from '../../dns/client.ts'
import type { Kernel } from '../../kernel/kernel.ts'
import { fileExists } from '../../state/files.ts'
import { statePaths } from '../../state/paths.ts'
import type { EngineOptions } from '../engine.ts'
import { openContext } from '../open.ts'
import { contentsOf } from './names.ts'

export interface NameGuard {
  stop(): void
}

export interface NameGuardOptions {
  /** For each start a fresh look: settings of the host may have changed. */
  readonly kernel: () => Kernel
  readonly options: EngineOptions
  /** The first look comes after this. */
  readonly from: Promise<void>
  /** Told of each start, with the reason where it failed. */
  readonly started: (error: unknown) => void
}

/** Between two looks for a server that was started meanwhile. */
const LOOK_MS = 500

export function guardNameServer({ kernel, options, from, started }: NameGuardOptions): NameGuard {
  const { nameSocket } = statePaths(options.stateDir)
  let letGo: (() => void) | undefined
  let busy = false
  const mend = async (): Promise<void> => {
    const context = openContext(kernel(), options)
    if ((await context.names?.revive(() => contentsOf(context))) === true) started(undefined)
  }
  const ended = (): void => {
    letGo = undefined
    // With its last container it ends by itself, and whoever took that down removes the socket.
    setTimeout(() => {
      busy = fileExists(nameSocket)
      if (!busy) return
      mend()
        .catch(started)
        .finally(() => {
          busy = false
        })
    }, LOOK_MS / 5).unref()
  }
  const look = (): void => {
    if (letGo === undefined && !busy && fileExists(nameSocket)) letGo = holdNameServer(nameSocket, ended)
  }
  let timer: NodeJS.Timeout | undefined
  let isStopped = false
  void from.then(() => {
    if (isStopped) return
    timer = setInterval(look, LOOK_MS).unref()
    look()
  })
  return {
    stop: () => {
      isStopped = true
      clearInterval(timer)
      letGo?.()
    },
  }
}
