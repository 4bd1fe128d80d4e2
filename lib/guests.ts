/**
 * Containers that another engine has connected (docker0, podman0, a bare
 * namespace) on networks of tsnet: they keep what they have, and get one more
 * interface, as guests.
 *
 * A container tsnet knows goes the usual way; only where it knows none the
 * machine is looked through. What a guest got is taken back by `disconnect`, by
 * `unpublish` of its last port or by `teardown`, and by the next command after
 * its end.
 *
 * @module
 */

import type { Engine, Interruption, Selector } from './engine/engine.ts'
import { fail, isTsnetError } from './errors/codes.ts'
import { findNamespace } from './inspect/find.ts'
import { takeInventory } from './inspect/inventory.ts'
import type { NamespaceView } from './inspect/views.ts'
import {
  type ContainerNetwork,
  type EndpointRequest,
  nothingMore,
  type SetupRequest,
} from './model/attachment.ts'
import { DEFAULT_NETWORK } from './model/names.ts'
import type { PortBinding, PortMapping } from './model/portmapping.ts'
import { noSuchContainer } from './model/unknown.ts'

/**
 * The container as tsnet knows it, also where it is called by what others call it: a pid, a name of `ip netns`.
 *
 * @throws TSNET_NO_SUCH_CONTAINER (notFound) where tsnet has not connected it
 */
export async function selectKnown(engine: Engine, selector: Selector): Promise<Selector> {
  const known = await ofTsnet(engine, selector)
  return 'error' in known ? selectStranger(engine, selector, known.error) : selector
}

/** As {@link Engine.inspect}, by what others call it too. @throws TSNET_NO_SUCH_CONTAINER (notFound) */
export async function inspectAny(engine: Engine, selector: Selector): Promise<ContainerNetwork> {
  const known = await ofTsnet(engine, selector)
  return 'error' in known
    ? engine.inspect(await selectStranger(engine, selector, known.error))
    : known.container
}

/** @throws `error` where nobody is called that */
async function selectStranger(engine: Engine, selector: Selector, error: unknown): Promise<Selector> {
  const view = await viewOf(engine, selector).catch(() => undefined)
  if (view === undefined || view.own) throw error
  if (view.record === undefined) throw notOurs(view)
  return { container: view.record }
}

/** What tsnet knows under those words, or the error that says it knows nothing. */
async function ofTsnet(
  engine: Engine,
  selector: Selector,
): Promise<{ readonly container: ContainerNetwork } | { readonly error: unknown }> {
  try {
    return { container: await engine.inspect(selector) }
  } catch (error) {
    if (isTsnetError(error, 'TSNET_NO_SUCH_CONTAINER')) return { error }
    throw error
  }
}

/** It is there, and somebody else's: who looks for it here is told where it is found. */
function notOurs({ name, engine }: NamespaceView): Error {
  return noSuchContainer({
    word: name,
    message: `finding container ${name}: tsnet has not connected it${engine === undefined ? '' : `, ${engine} has`}`,
    known: [],
    hint: `"tsnet ps" and "tsnet ns ls" show it; "tsnet network connect NETWORK ${name}" puts it on a network of tsnet`,
  })
}

/**
 * As {@link Engine.connect}, and of containers of other engines too: their default route stays where it is.
 *
 * @throws TSNET_NO_SUCH_CONTAINER (notFound) with the nearest name on this machine
 */
export async function connectAny(
  engine: Engine,
  selector: Selector,
  endpoint: EndpointRequest,
  options?: Interruption,
): Promise<ContainerNetwork> {
  const found = await recordOrView(engine, selector)
  if ('selector' in found) return engine.connect(found.selector, endpoint, options)
  return engine.attach(guestRequest(found.view, { ...endpoint, guest: 'connected' }), options)
}

/** What was bound, of which container. */
export interface Published {
  readonly container: ContainerNetwork
  readonly bindings: readonly PortBinding[]
  /** It was put on the default network for this. */
  readonly joined: boolean
}

/**
 * As {@link Engine.publish}; a container of another engine is put on the default network for it, which it leaves with
 * its last port.
 *
 * @throws TSNET_NO_SUCH_CONTAINER (notFound) with the nearest name on this machine
 */
export async function publishAny(
  engine: Engine,
  selector: Selector,
  mappings: readonly PortMapping[],
  options?: Interruption,
): Promise<Published> {
  const found = await recordOrView(engine, selector)
  if ('selector' in found) {
    const bindings = await engine.publish(found.selector, mappings, options)
    return { container: await engine.inspect(found.selector), bindings, joined: false }
  }
  const request = guestRequest(found.view, { network: DEFAULT_NETWORK, guest: 'published' })
  const container = await engine.attach({ ...request, publish: mappings }, options)
  return { container, bindings: container.attachments.flatMap(({ ports }) => ports), joined: true }
}

async function recordOrView(
  engine: Engine,
  selector: Selector,
): Promise<{ readonly selector: Selector } | { readonly view: NamespaceView }> {
  if (!('error' in (await ofTsnet(engine, selector)))) return { selector }
  const view = await viewOf(engine, selector)
  return view.record === undefined ? { view } : { selector: { container: view.record } }
}

async function viewOf(engine: Engine, selector: Selector): Promise<NamespaceView> {
  const inventory = await takeInventory(engine)
  if ('container' in selector) return findNamespace(inventory, selector.container)
  const { sandboxPath } = selector
  const [, pid] = /^\/proc\/(\d+)\/ns\/net$/.exec(sandboxPath) ?? []
  const mounted = inventory.namespaces.find(({ mounts }) => mounts.includes(sandboxPath))
  return mounted ?? findNamespace(inventory, pid ?? sandboxPath)
}

function guestRequest(view: NamespaceView, endpoint: EndpointRequest): SetupRequest {
  if (view.own) {
    throw fail('TSNET_OWN_NETNS', {
      message: `connecting ${view.name}: it is the network namespace tsnet itself runs in`,
      field: 'container',
      value: view.name,
      hint: 'name a container: "tsnet ns ls" lists all',
    })
  }
  const name = view.container?.name ?? view.netnsNames[0]
  return {
    sandbox: { path: view.path },
    container: {
      ...(view.container === undefined ? {} : { id: view.container.id }),
      ...(name === undefined ? {} : { name }),
    },
    mode: 'bridge',
    ...nothingMore,
    networks: [{ ...endpoint, ifname: endpoint.ifname ?? freeName(view) }],
  }
}

function freeName({ interfaces }: NamespaceView): string {
  const taken = new Set(interfaces.map(({ name }) => name))
  let number = 0
  while (taken.has(`eth${number}`)) number++
  return `eth${number}`
}
