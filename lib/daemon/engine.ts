/**
 * The engine that sends its work to the daemon.
 *
 * A call whose daemon goes away is repeated with the next one, unless doing it
 * twice would differ from doing it once. Where there is no next one, `fallback`
 * does it in this process.
 *
 * @module
 */

import type { Engine, EngineOptions, Selector } from '../engine/engine.ts'
import { emitWarning } from '../engine/open.ts'
import { isTsnetError } from '../errors/codes.ts'
import type { SetupRequest } from '../model/attachment.ts'
import type { CallExtras, Connection } from './client.ts'
import { callMethod, type MethodName, methods } from './methods.ts'

export interface DaemonEngineParts {
  /** @returns undefined where no daemon serves us and none may be started */
  readonly reach: () => Promise<Connection | undefined>
  readonly fallback: () => Promise<Engine>
  readonly options: EngineOptions
}

const attempts = 3

export function createDaemonEngine(first: Connection | undefined, parts: DaemonEngineParts): Engine {
  const { stateDir, firewall, lockTimeoutMs, onStep, onWarning = emitWarning } = parts.options
  const options: CallExtras['options'] = {
    ...(stateDir === undefined ? {} : { stateDir }),
    ...(firewall === undefined ? {} : { firewall }),
    ...(lockTimeoutMs === undefined ? {} : { lockTimeoutMs }),
    ...(onStep === undefined ? {} : { steps: true }),
  }
  let connection = first
  let local: Promise<Engine> | undefined

  async function call(
    method: MethodName,
    args: readonly unknown[],
    extras: Pick<CallExtras, 'signal' | 'sandboxPath'> = {},
  ): Promise<unknown> {
    for (let attempt = 1; local === undefined; attempt++) {
      if (connection?.isOpen() !== true) connection = await parts.reach()
      if (connection === undefined) break
      try {
        return await connection.call(method, args, {
          ...extras,
          options,
          ...(onStep === undefined ? {} : { onStep }),
          onWarning,
        })
      } catch (error) {
        const repeat = isTsnetError(error, 'TSNET_DAEMON_GONE') && methods[method].repeatable
        if (!repeat || attempt === attempts) throw error
        connection.close()
        connection = undefined
      }
    }
    local ??= parts.fallback()
    return callMethod(await local, method, args, extras.signal ?? new AbortController().signal)
  }

  const inSandbox = (request: SetupRequest): Pick<CallExtras, 'sandboxPath'> =>
    request.sandbox.path === '' ? {} : { sandboxPath: request.sandbox.path }
  const selected = (selector: Selector | undefined): Pick<CallExtras, 'sandboxPath'> =>
    selector !== undefined && 'sandboxPath' in selector ? { sandboxPath: selector.sandboxPath } : {}
  const withSignal = (from: { readonly signal?: AbortSignal } | undefined): Pick<CallExtras, 'signal'> =>
    from?.signal === undefined ? {} : { signal: from.signal }

  const close = async (): Promise<void> => {
    connection?.close()
    await (await local?.catch(() => undefined))?.close()
  }

  // Answers have the types of the engine that gave them: the handshake saw to it that it is of the same version.
  const engine = {
    plan: (request) => call('plan', [request], inSandbox(request)),
    setup: (request, more) => call('setup', [request], { ...inSandbox(request), ...withSignal(more) }),
    teardown: (selector, more) =>
      call('teardown', [selector], { ...selected(selector), ...withSignal(more) }),
    attach: (request, more) => call('attach', [request], { ...inSandbox(request), ...withSignal(more) }),
    detach: (id, ifname, more) => call('detach', [id, ifname], withSignal(more)),
    connect: (selector, endpoint, more) =>
      call('connect', [selector, endpoint], { ...selected(selector), ...withSignal(more) }),
    disconnect: (selector, network, more) =>
      call('disconnect', [selector, network], { ...selected(selector), ...withSignal(more) }),
    publish: (selector, mappings, more) =>
      call('publish', [selector, mappings], { ...selected(selector), ...withSignal(more) }),
    unpublish: (selector, mappings, more) =>
      call('unpublish', [selector, mappings], { ...selected(selector), ...withSignal(more) }),
    list: () => call('list', []),
    inspect: (selector) => call('inspect', [selector], selected(selector)),
    check: (selector) => call('check', selector === undefined ? [] : [selector], selected(selector)),
    gc: (more) => call('gc', [], withSignal(more)),
    createNetwork: (request, more) => call('createNetwork', [request], withSignal(more)),
    removeNetwork: (name, more) => call('removeNetwork', [name], withSignal(more)),
    listNetworks: () => call('listNetworks', []),
    inspectNetwork: (name) => call('inspectNetwork', [name]),
    updateNetwork: (name, update, more) => call('updateNetwork', [name, update], withSignal(more)),
    pruneNetworks: (more) => call('pruneNetworks', [], withSignal(more)),
    reapplyRules: () => call('reapplyRules', []),
    prune: (more) => call('prune', [], withSignal(more)),
    close,
    [Symbol.asyncDispose]: close,
  } satisfies { [Name in keyof Engine]: (...args: Parameters<Engine[Name]>) => Promise<unknown> }
  return engine as Engine
}
