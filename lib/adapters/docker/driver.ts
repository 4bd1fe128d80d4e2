/**
 * The driver as a whole: the protocol's answers, and the upkeep beside them.
 *
 * @module
 */

import type { RemoteEngine } from '../../engine/endpoint/remote.ts'
import { dockerApi } from './api.ts'
import type { NetworkDocument } from './networks.ts'
import { createProtocol, type Protocol } from './protocol.ts'
import { startUpkeep, type UpkeepParts } from './upkeep.ts'

export interface Driver extends Protocol {
  stop(): Promise<void>
}

export interface DriverParts {
  readonly engine: RemoteEngine
  /** Of dockerd's API. */
  readonly apiSocket: string
  readonly report: UpkeepParts['report']
}

export function startDriver({ engine, apiSocket, report }: DriverParts): Driver {
  const documents = engine.documents<NetworkDocument>()
  const upkeep = startUpkeep({ networks: { engine, documents }, api: dockerApi(apiSocket), report })
  const protocol = createProtocol({ engine, documents, changed: upkeep.nudge })
  return { ...protocol, stop: upkeep.stop }
}
