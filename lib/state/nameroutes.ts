/**
 * Which servers are asked for which domain: routes of the host, of networks and
 * of containers (by id or name), as `tsnet dns route` sets them.
 *
 * @module
 */

import type { Address } from '../model/address.ts'
import { readJson, removeFile, writeJson } from './files.ts'
import type { StatePaths } from './paths.ts'

/** Split DNS: names below `domain` are asked of these servers. */
export interface NameRoute {
  readonly domain: string
  readonly servers: readonly Address[]
  /** Absent, and no container either: for everybody. */
  readonly network?: string
  readonly container?: string
}

export interface NameRoutes {
  list(): readonly NameRoute[]
  /** The last one leaves no file behind. */
  replace(routes: readonly NameRoute[]): void
}

export function nameRoutes(paths: StatePaths): NameRoutes {
  return {
    list: () => readJson<readonly NameRoute[]>(paths.nameRoutes) ?? [],
    replace: (routes) => {
      if (routes.length === 0) removeFile(paths.nameRoutes)
      else writeJson(paths.nameRoutes, routes)
    },
  }
}
