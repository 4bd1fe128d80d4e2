/**
 * Taking a running container off one of its networks.
 *
 * Its default route moves to the network with the highest priority that is left,
 * of equals the first, before the old one goes. Ports that were published by way
 * of the network are published by way of that one from then on; where there is
 * none they are not published any more.
 *
 * @module
 */

import { planPublish } from '../../drivers/publish.ts'
import { fail } from '../../errors/codes.ts'
import { type Family, familyOf } from '../../model/address.ts'
import type { Attachment, ContainerNetwork } from '../../model/attachment.ts'
import type { PortBinding } from '../../model/portmapping.ts'
import type { LoweredStep } from '../../plan/step.ts'
import type { ContainerRecord, OwnedStep } from '../../state/records.ts'
import { lower } from '../attach/apply.ts'
import { type EngineContext, interruptible } from '../context.ts'
import type { EndRequestRecord } from '../endpoint/endrecords.ts'
import type { Selector } from '../engine.ts'
import { notAllGone } from '../heal/unfinished.ts'
import { findContainer } from '../look/find.ts'
import { noSuchNetwork } from '../network/ensure.ts'
import { type Anchor, afterChange, beginChange, changing, undoChange } from './change.ts'
import { defaultRouteOf, moveDefault, nextCarrier } from './defaultroute.ts'
import { publisherOf } from './publisher.ts'
import { filesOf } from './refile.ts'

/**
 * @returns the container as it is now, undefined where it was not on that network: also a success
 * @throws TSNET_NO_SUCH_NETWORK, TSNET_NO_SUCH_CONTAINER (notFound)
 * @throws TSNET_MODE_MISMATCH (invalid) where dockerd has connected it
 */
export async function disconnect(
  context: EngineContext,
  selector: Selector,
  network: string,
  signal?: AbortSignal,
): Promise<ContainerNetwork | undefined> {
  const isOn = ({ attachments }: ContainerNetwork): boolean =>
    attachments.some((attachment) => attachment.network === network)
  const known = findContainer(context, selector)
  if (!isOn(known)) {
    if (context.networks.get(network) === undefined) throw noSuchNetwork(context, network, 'to look')
    return undefined
  }
  const done = await changing(interruptible(context, signal), selector, isOn, async (anchor) => {
    if (!isOn(anchor.result)) return false
    refuseForOthers(anchor, network)
    await disconnectAnchor(context, anchor, network)
    return true
  })
  await afterChange(context, [network])
  return done ? findContainer(context, selector) : undefined
}

/** @throws TSNET_MODE_MISMATCH (invalid): dockerd would still have the endpoint, and we none of its interface */
function refuseForOthers({ record, result }: Anchor, network: string): void {
  if ((record.request as Partial<EndRequestRecord>).end?.network !== network) return
  const name = result.container.name ?? result.container.id
  throw fail('TSNET_MODE_MISMATCH', {
    message: `disconnecting ${name} from ${network}: dockerd has connected it`,
    field: 'network',
    value: network,
    hint: '"docker network disconnect" takes it off',
  })
}

async function disconnectAnchor(context: EngineContext, anchor: Anchor, network: string): Promise<void> {
  const host = await context.locks.hostShared()
  try {
    const { leaving, without, steps, redo } = planDisconnect(context, anchor, network)
    beginChange(context, anchor, { networks: [network], steps, attachments: leaving, without, redo })
    const errors = await undoChange(context, anchor)
    const { name, id } = anchor.result.container
    if (errors.length > 0) throw notAllGone(`disconnecting ${name ?? id} from ${network}`, errors)
  } finally {
    host.release()
  }
}

interface Disconnection {
  readonly leaving: readonly Attachment[]
  readonly without: ContainerRecord
  readonly steps: readonly OwnedStep[]
  readonly redo: readonly LoweredStep[]
}

function planDisconnect(context: EngineContext, anchor: Anchor, network: string): Disconnection {
  const { record, result, key } = anchor
  const leaves = ({ network: on }: Attachment): boolean => on === network
  const leaving = result.attachments.filter(leaves)
  const ifnames = leaving.map(({ ifname }) => ifname)
  const staying = withDefaultRoutes(
    record,
    leaving,
    result.attachments.filter((one) => !leaves(one)),
  )
  const bindings = leaving.flatMap(({ ports }) => ports)
  const moved = movePorts(context, result, staying.attachments, bindings)
  const { own, inherited } = split(record.steps, ifnames, staying.attachments)
  const changed: ContainerRecord = {
    ...record,
    networks: [...new Set(staying.attachments.map((attachment) => attachment.network))],
    result: { ...result, attachments: moved.attachments },
    steps: [...inherited, ...staying.routes, ...moved.steps],
  }
  const target = {
    key,
    container: result.container,
    path: result.sandbox.path,
    identity: result.sandbox.identity,
    owner: {
      record: key,
      container: result.container.id,
      path: result.sandbox.path,
      ...result.sandbox.identity,
    },
    sandbox: undefined,
    shares: undefined,
    links: [],
  }
  const files = filesOf(context, target, record, changed, new Map())
  return {
    leaving: leaving.map((attachment) => ({
      ...attachment,
      ports: attachment.ports.filter((port) => !moved.ports.includes(port)),
    })),
    without: files.record,
    // Taken back in reverse order: the default route moves first.
    steps: [...own, ...staying.moves],
    redo: [...moved.steps.map(({ step }) => step), ...files.redo],
  }
}

function withDefaultRoutes(
  { request }: ContainerRecord,
  leaving: readonly Attachment[],
  staying: readonly Attachment[],
): {
  readonly attachments: readonly Attachment[]
  readonly routes: readonly OwnedStep[]
  readonly moves: readonly OwnedStep[]
} {
  let attachments = staying
  const routes: OwnedStep[] = []
  const moves: OwnedStep[] = []
  for (const from of leaving) {
    for (const family of from.defaultRoute) {
      const next = nextCarrier(request, attachments, family)
      const route = next === undefined ? undefined : defaultRouteOf(next, family)
      if (next === undefined || route === undefined) continue
      attachments = attachments.map((one) => (one.ifname === next.ifname ? carrying(one, family) : one))
      routes.push({ of: next.ifname, step: route })
      moves.push({ of: from.ifname, step: moveDefault(undefined, route) })
    }
  }
  return { attachments, routes, moves }
}

const carrying = (attachment: Attachment, family: Family): Attachment => ({
  ...attachment,
  defaultRoute: [...attachment.defaultRoute, family].sort(),
})

/** Steps of the interfaces that go, and those that stay; a setting made for them of another interface is kept while two are left. */
function split(
  steps: readonly OwnedStep[],
  ifnames: readonly string[],
  staying: readonly Attachment[],
): { readonly own: readonly OwnedStep[]; readonly inherited: readonly OwnedStep[] } {
  const heir = staying.length > 1 ? staying.at(-1)?.ifname : undefined
  const own: OwnedStep[] = []
  const inherited: OwnedStep[] = []
  for (const { of, step } of steps) {
    if (!ifnames.includes(of)) {
      // A setting of the interface that goes, made for another's sake, goes with it.
      if (!isSettingOf(step, ifnames)) inherited.push({ of, step })
    } else if (
      heir !== undefined &&
      step.kind === 'sysctl' &&
      step.where === 'sandbox' &&
      !isSettingOf(step, ifnames)
    ) {
      inherited.push({ of: heir, step })
    } else own.push({ of, step })
  }
  return { own, inherited }
}

const isSettingOf = (step: LoweredStep, ifnames: readonly string[]): boolean =>
  step.kind === 'sysctl' && step.where === 'sandbox' && ifnames.includes(step.key.split('/')[3] ?? '')

function movePorts(
  context: EngineContext,
  { container }: ContainerNetwork,
  attachments: readonly Attachment[],
  bindings: readonly PortBinding[],
): {
  readonly attachments: readonly Attachment[]
  readonly ports: readonly PortBinding[]
  readonly steps: readonly OwnedStep[]
} {
  const publisher = publisherOf(attachments)
  const config = publisher === undefined ? undefined : context.networks.get(publisher.network)
  if (publisher === undefined || config === undefined || bindings.length === 0) {
    return { attachments, ports: [], steps: [] }
  }
  const { ifname, addresses: cidrs, firewall: backend } = publisher
  const has = cidrs.map(familyOf)
  const ports = bindings.filter(
    ({ hostAddress }) => hostAddress === undefined || has.includes(familyOf(hostAddress)),
  )
  const planned = planPublish({ config, container, ifname, cidrs, bindings: ports, backend })
  return {
    attachments: attachments.map((one) =>
      one.ifname === ifname ? { ...one, ports: [...one.ports, ...ports] } : one,
    ),
    ports,
    steps: lower(planned, backend).map((step) => ({ of: ifname, step })),
  }
}
