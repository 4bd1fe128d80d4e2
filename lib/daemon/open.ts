/**
 * Opening an engine: in this process, or at the daemon. The only place that
 * chooses.
 *
 * @module
 */

import { existsSync } from 'node:fs'
import type { Engine, EngineOptions } from '../engine/engine.ts'
import { openEngine as openLocalEngine } from '../engine/open.ts'
import { fail } from '../errors/codes.ts'
import { tsnetVersion } from '../model/version.ts'

/** How an engine is opened, and in which process it works. */
export interface OpenOptions extends EngineOptions {
  /**
   * `auto`: the daemon where one listens, else this process; `daemon`: start one
   * if need be; `local`: this process. Default `auto`.
   */
  readonly via?: 'auto' | 'local' | 'daemon'
  /** The daemon's socket. Absent: tsnetd.sock below the state folder. */
  readonly socket?: string
}

/**
 * @throws TSNET_BAD_VALUE (invalid) for a wrong /etc/tsnet/config.json
 * @throws TSNET_NOT_ROOT (forbidden)
 * @throws TSNET_DAEMON_UNREACHABLE (unavailable) with `via: 'daemon'`
 */
export async function openEngine(options: OpenOptions = {}): Promise<Engine> {
  const { via = 'auto', socket, ...local } = options
  const fallback = (): Promise<Engine> => openLocalEngine(local)
  // Functions do not travel.
  if (via === 'local' || (local.drivers ?? []).length > 0) return fallback()
  // Asked before the client is loaded, which costs a start 3 ms.
  if (via === 'auto' && !existsSync(socketPath(options))) return fallback()
  const [{ daemonPlace }, { reachDaemon }, { createDaemonEngine }] = await Promise.all([
    import('./place.ts'),
    import('./client.ts'),
    import('./engine.ts'),
  ])
  const place = daemonPlace(options)
  const reach = async () => {
    const reached = await reachDaemon(place, tsnetVersion)
    if (reached.kind === 'connected') return reached.connection
    if (reached.kind === 'forbidden' && via === 'daemon') throw reached.error
    if (reached.kind === 'declined' && via === 'daemon') {
      throw fail('TSNET_DAEMON_UNREACHABLE', {
        message: `asking tsnetd at ${place.socket}: ${reached.reason}`,
        value: place.socket,
        hint: 'open the engine in this process (via: "local")',
      })
    }
    return undefined
  }
  if (via === 'auto') {
    const connection = await reach()
    return connection === undefined
      ? fallback()
      : createDaemonEngine(connection, { reach, fallback, options: local })
  }
  const { reachOrStart } = await import('./start.ts')
  const reachForSure = () => reachOrStart(options, reach)
  return createDaemonEngine(await reachForSure(), { reach: reachForSure, fallback, options: local })
}

function socketPath({ socket, stateDir }: OpenOptions): string {
  return socket ?? `${stateDir ?? '/run/tsnet'}/tsnetd.sock`
}
