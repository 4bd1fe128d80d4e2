/**
 * Plugins that change what others have made, and pass the result on.
 *
 * @module
 */

import type { PartInterface, PartOptions, PartType } from '../../engine/plugins.ts'
import { checkPart, gcParts, idOf, requirePrevious, statusOfPart, toInterfaces } from './chain.ts'
import { definePlugin, type Plugin, type Request } from './plugin.ts'
import type { CniResult } from './result.ts'
import type { CniVersion } from './versions.ts'

export interface ChainedPlugin<T extends PartType> {
  readonly type: T
  readonly about: string
  readonly versions: readonly CniVersion[]
  /** @throws CniError 7 for keys that cannot be */
  options(request: Request): PartOptions[T]
  /** The result as the plugin changes it. */
  result?(previous: CniResult, options: PartOptions[T], request: Request): CniResult
}

export function chainedPlugin<T extends PartType>(kind: ChainedPlugin<T>): Plugin {
  const { type } = kind
  return definePlugin({
    type,
    about: kind.about,
    versions: kind.versions,
    add: async (request) => {
      const previous = requirePrevious(request)
      const { call } = request
      const options = kind.options(request)
      const engine = await request.engine()
      const made = await engine.parts.add({ type, id: idOf(request), options, netns: call.netns })
      const changed = kind.result?.(previous, options, request) ?? previous
      return withInterfaces(changed, made, call.netns)
    },
    del: async (request) => {
      const engine = await request.engine()
      await engine.parts.remove({
        type,
        id: idOf(request),
        options: kind.options(request),
        netns: request.call.netns,
      })
    },
    check: (request) => checkPart(request, type, kind.options(request)),
    gc: (request) => gcParts(request, type, kind.options(request)),
    status: (request) => statusOfPart(request, type, kind.options(request)),
  })
}

function withInterfaces(result: CniResult, made: readonly PartInterface[], netns: string): CniResult {
  return made.length === 0
    ? result
    : { ...result, interfaces: [...result.interfaces, ...toInterfaces(made, netns)] }
}
