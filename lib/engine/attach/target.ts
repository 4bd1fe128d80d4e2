/**
 * Whom a set-up is for: the open sandbox, its identity, the container's id.
 *
 * @module
 */

import { fail } from '../../errors/codes.ts'
import type { OpenSandbox } from '../../kernel/kernel.ts'
import type { ContainerNetwork, EndpointRequest, SetupRequest } from '../../model/attachment.ts'
import type { ContainerInfo, SandboxIdentity } from '../../model/sandbox.ts'
import type { LinkFact } from '../../plan/facts.ts'
import type { Owner } from '../../state/reservations.ts'
import type { EngineContext } from '../context.ts'
import { attachmentKey, findContainer } from '../look/find.ts'

export interface Target {
  /** Of its record: the container's id, or `ID~IFNAME` for a single attachment. */
  readonly key: string
  readonly container: ContainerInfo
  readonly path: string
  readonly identity: SandboxIdentity
  readonly owner: Owner
  /** Absent in host and container mode: nothing is changed inside. */
  readonly sandbox: OpenSandbox | undefined
  /** Container mode: whose sandbox is shared. */
  readonly shares: ContainerNetwork | undefined
  /** What is inside; nothing where the sandbox is absent. */
  readonly links: readonly LinkFact[]
}

/** Nobody has looked inside yet. */
export type NamedTarget = Omit<Target, 'links'>

/** Under the lock of its key: who had it before may just have taken back what he made inside. */
export async function withLinks(target: NamedTarget): Promise<Target> {
  return { ...target, links: (await target.sandbox?.links()) ?? [] }
}

/**
 * @param one a single attachment with a record of its own, its ifname chosen
 * @throws TSNET_NOT_A_NETNS, TSNET_OWN_NETNS (invalid), TSNET_NO_SUCH_CONTAINER (notFound)
 */
export async function openTarget(
  context: EngineContext,
  request: SetupRequest,
  one?: EndpointRequest,
): Promise<NamedTarget> {
  if (request.mode === 'container') return shareTarget(context, request)
  const hostMode = request.mode === 'host'
  // Host mode without a sandbox means the host's own.
  const path = hostMode && request.sandbox.path === '' ? '/proc/self/ns/net' : request.sandbox.path
  const sandbox = await context.kernel.openSandbox(path)
  const { own, identity } = sandbox
  if (own !== hostMode) {
    sandbox.close()
    throw hostMode ? notTheHost(path) : ownNamespace(path)
  }
  if (hostMode) sandbox.close()
  return target(request, one, { path, identity, sandbox: hostMode ? undefined : sandbox, shares: undefined })
}

function shareTarget(context: EngineContext, request: SetupRequest): NamedTarget {
  const shares = findContainer(context, { container: request.shareWith ?? '' })
  const { path, identity } = shares.sandbox
  if (!context.kernel.isAlive(path, identity)) {
    throw fail('TSNET_NOT_A_NETNS', {
      message: `sharing the sandbox of ${shares.container.id}: ${path} is gone`,
      field: 'shareWith',
      value: request.shareWith,
      hint: 'start that container first',
    })
  }
  return target(request, undefined, { path, identity, sandbox: undefined, shares })
}

function target(
  request: SetupRequest,
  one: EndpointRequest | undefined,
  found: Pick<Target, 'path' | 'identity' | 'sandbox' | 'shares'>,
): NamedTarget {
  const { path, identity } = found
  // Without an id the sandbox is the name: stable over repeats, and no two living ones share a cookie.
  const suffix = request.mode === 'container' || request.mode === 'host' ? `-${request.mode}` : ''
  const id = request.container.id ?? `ns-${BigInt(identity.cookie).toString(16)}${suffix}`
  const container = { ...request.container, id }
  const key = one === undefined ? id : attachmentKey(id, one.ifname as string)
  const { name } = container
  return {
    ...found,
    key,
    container,
    owner: { record: key, container: id, ...(name === undefined ? {} : { name }), path, ...identity },
  }
}

function ownNamespace(path: string): Error {
  return fail('TSNET_OWN_NETNS', {
    message: `opening ${path}: it is the network namespace tsnet itself runs in`,
    field: 'sandbox',
    value: path,
    hint: 'give the container a namespace of its own (unshare -n), or use --network host',
  })
}

function notTheHost(path: string): Error {
  return fail('TSNET_MODE_MISMATCH', {
    message: `host mode for ${path}: it is a network namespace of its own, not the host's`,
    field: 'sandbox',
    value: path,
    hint: 'start the container without a network namespace, or choose another --network',
  })
}
