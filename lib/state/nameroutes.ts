/**
 * Which servers are asked for which domain: routes of the host, of networks and
 * of containers (by id or name), as `tsnet dns route` sets them.
 *
 * @module
 */

import { fail } from '../errors/codes.ts'
import type { Address } from '../model/address.ts'
import { type Checked, checked } from './checked.ts'
import { readJson, removeFile, type Warn, writeJson } from './files.ts'
import type { StatePaths } from './paths.ts'
import { routesFault } from './shapes.ts'

/** Split DNS: names below `domain` are asked of these servers. */
export interface NameRoute {
  readonly domain: string
  readonly servers: readonly Address[]
  /** Absent, and no container either: for everybody. */
  readonly network?: string
  readonly container?: string
}

export interface NameRoutes {
  /** @throws TSNET_STATE_UNREADABLE (unavailable) where the file of them is damaged: it stays as it is */
  list(): readonly NameRoute[]
  /** Those that can be used: names are answered without the others. */
  usable(): readonly NameRoute[]
  /** The last one leaves no file behind. */
  replace(routes: readonly NameRoute[]): void
}

export function nameRoutes({ nameRoutes: path }: StatePaths, warn: Warn): NameRoutes {
  const read = (): Checked<readonly NameRoute[]> =>
    checked(() => readJson<readonly NameRoute[]>(path), routesFault)
  return {
    list: () => {
      const { value: routes = [], why } = read()
      if (why === undefined) return routes
      throw fail('TSNET_STATE_UNREADABLE', {
        message: `reading ${path}: ${why}`,
        hint: `mend ${path}, or remove it and set the routes again with "tsnet dns route"`,
      })
    },
    usable: () => {
      const { value: routes = [], why } = read()
      if (why !== undefined) warn(`reading ${path}: ${why}; names are forwarded without its routes`)
      return routes
    },
    replace: (routes) => {
      if (routes.length === 0) removeFile(path)
      else writeJson(path, routes)
    },
  }
}
