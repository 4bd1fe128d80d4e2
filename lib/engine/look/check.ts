/**
 * `check` and `gc`: comparing records with the kernel, and clearing away what
 * belongs to nobody.
 *
 * @module
 */

import { together } from '../../errors/codes.ts'
import { addressOf } from '../../model/address.ts'
import { ownerInKey } from '../../model/names.ts'
import { describe } from '../../plan/describe.ts'
import type { LoweredStep } from '../../plan/step.ts'
import type { ContainerRecord } from '../../state/records.ts'
import { type Owner, unknownOwner } from '../../state/reservations.ts'
import { describeOwner, type EngineContext, interruptible, ownerIsAlive } from '../context.ts'
import type { Finding, GcReport } from '../engine.ts'
import { heal } from '../heal/heal.ts'
import { removeIdle, tidy } from '../heal/idle.ts'
import { ownerOf, removeOrphans } from '../heal/orphans.ts'
import { type Reaped, reapDead } from '../heal/reap.ts'
import { comesBack, putRulesBack } from '../heal/refresh.ts'
import { lockKey } from '../heal/takedown.ts'
import { notAllGone } from '../heal/unfinished.ts'
import { contentsOf } from '../names/names.ts'
import { missingAcceptsOfAll } from '../network/planunits.ts'

const unitHint =
  'tear its containers down (tsnet ls) and set them up again; a network of yours: network rm, create'

/** Reads only. */
export async function check(
  context: EngineContext,
  ids: readonly string[] | undefined,
): Promise<readonly Finding[]> {
  const findings: Finding[] = []
  for (const id of ids ?? context.containers.keys()) {
    const record = context.containers.get(id)
    if (record !== undefined) findings.push(...(await checkContainer(context, record)))
  }
  if (ids !== undefined) return findings
  for (const unit of context.units.keys()) {
    const missing = await context.kernel.missing(context.units.get(unit)?.steps ?? [], undefined)
    findings.push(...(await notThere(context, missing, unit, unitHint)))
  }
  for (const { config, drop } of await missingAcceptsOfAll(context)) {
    const tool = drop.family === 4 ? drop.tool : drop.tool.replace('ip', 'ip6')
    const packets = drop.chain === 'INPUT' ? 'questions for names' : 'forwarded packets'
    findings.push({
      kind: 'accept',
      subject: config.name,
      what:
        tool === 'firewalld'
          ? `firewalld drops packets, and ${config.options.bridge} is not in its zone trusted`
          : `${tool} drops ${packets}, and ${config.options.bridge} has no accept there`,
      hint: 'tsnet gc',
    })
  }
  // Read first: that is what sets a damaged one aside.
  for (const id of context.containers.keys()) context.containers.get(id)
  for (const id of context.containers.asideKeys()) {
    findings.push({
      kind: 'record',
      subject: id,
      what: 'its record could not be read and was set aside: what it held stays held',
      hint: `tsnet teardown ${ownerInKey(id)}`,
    })
  }
  for (const network of context.networks.names()) {
    const fault = context.networks.fault(network)
    if (fault === undefined) continue
    findings.push({ kind: 'definition', subject: network, what: fault.message, hint: fault.hint ?? '' })
  }
  for (const id of [...halfDoneContainers(context), ...halfDoneUnits(context)]) {
    findings.push({
      kind: 'pending',
      subject: id,
      what: 'half-done work of a killed process',
      hint: 'tsnet gc',
    })
  }
  return [...findings, ...(await checkNames(context))]
}

/** Work whose lock is held is somebody's who lives; and it may be done between two looks. */
function halfDoneContainers(context: EngineContext): readonly string[] {
  const { containers, locks } = context
  return containers
    .pendingKeys()
    .filter((id) => !locks.isContainerHeld(lockKey(context, id)))
    .filter((id) => containers.pending(id) !== undefined)
}

function halfDoneUnits({ units, locks }: EngineContext): readonly string[] {
  const pending = units.pendingKeys()
  if (pending.length === 0 || locks.isHostHeld()) return []
  const left = units.pendingKeys()
  return pending.filter((unit) => left.includes(unit))
}

async function checkNames(context: EngineContext): Promise<readonly Finding[]> {
  const { names } = context
  if (names === undefined || contentsOf(context).containers.length === 0) return []
  if ((await names.ask({ op: 'status' }))?.ok === true) return []
  return [
    {
      kind: 'names',
      subject: 'names',
      what: 'the name server does not answer',
      hint: 'tsnet gc starts it again',
    },
  ]
}

async function checkContainer(context: EngineContext, record: ContainerRecord): Promise<readonly Finding[]> {
  const { id, container, result, steps } = record
  if (result === undefined) return []
  const hint = `tsnet teardown --id ${container}, then set it up again`
  if (record.alias !== undefined) return checkEnd(context, record)
  if (!context.kernel.isAlive(result.sandbox.path, result.sandbox.identity)) {
    return [
      {
        kind: 'sandbox',
        subject: id,
        what: `its sandbox ${result.sandbox.path} is gone`,
        hint: `tsnet gc, or tsnet teardown --id ${container}`,
      },
    ]
  }
  const sandbox = await context.kernel.openSandbox(result.sandbox.path)
  try {
    const missing = await context.kernel.missing(
      steps.map(({ step }) => step),
      sandbox,
    )
    return [
      ...(await notThere(context, missing, id, hint)),
      ...lostLeases(context, record).map((found) => ({
        kind: 'lease' as const,
        subject: id,
        hint,
        ...found,
      })),
    ]
  } finally {
    sandbox.close()
  }
}

/** Of an endpoint that an engine has taken: its host end and its rules. */
async function checkEnd(context: EngineContext, record: ContainerRecord): Promise<readonly Finding[]> {
  const { id, container, result, steps } = record
  const subject = result?.container.name ?? id
  const [owner] = holderOf(context, id)
  if (owner === undefined || !(await ownerIsAlive(context, owner))) {
    return [
      { kind: 'sandbox', subject, what: `endpoint ${container.slice(0, 12)} is gone`, hint: 'tsnet gc' },
    ]
  }
  const missing = await context.kernel.missing(
    steps.map(({ step }) => step),
    undefined,
  )
  return notThere(context, missing, subject, 'docker restart of that container makes it anew')
}

/** @param anew what makes them again where no less does */
function notThere(
  { kernel }: EngineContext,
  missing: readonly LoweredStep[],
  subject: string,
  anew: string,
): Promise<readonly Finding[]> {
  return Promise.all(
    missing.map(async (step): Promise<Finding> => {
      const [line = ''] = describe(step).add
      // Flags go alone where the link is there: nothing has to be made anew for them.
      const isFlags = step.kind === 'bridgePort' && (await kernel.hostLink(step.name)) !== undefined
      const hint = comesBack(step) ? 'tsnet gc' : isFlags ? line : anew
      return { kind: 'step', step: step.kind, subject, what: `missing: ${line}`, hint }
    }),
  )
}

function lostLeases(
  context: EngineContext,
  { id, result }: ContainerRecord,
): readonly (Pick<Finding, 'what'> & Partial<Finding>)[] {
  const { leases } = context.reservations
  return (result?.attachments ?? []).flatMap(({ network, addresses }) =>
    addresses.map(addressOf).flatMap((address) => {
      const owner = leases.owner(network, address)
      const lease = `its lease of ${address} on ${network}`
      if (owner === unknownOwner) return [{ what: `the file of ${lease} is damaged`, hint: 'tsnet gc' }]
      return owner?.record === id ? [] : [{ what: `${lease} is gone or another's` }]
    }),
  )
}

/** Repeatable; touches only what is ours and has no living owner. */
export async function gc(context: EngineContext, signal?: AbortSignal): Promise<GcReport> {
  const waiting = interruptible(context, signal)
  const { leases, ports, names } = context.reservations
  const before = {
    leases: leaseKeys(context),
    ports: portNames(context),
    networks: networkNames(context),
    containers: recordKeys(context),
  }
  const pending = await heal(waiting)
  let rules = 0
  let orphans: readonly string[] = []
  let stuck: Reaped['stuck'] = []
  // Exclusive: nobody is between taking a reservation and writing it down.
  const host = await waiting.locks.hostExclusive()
  try {
    const owners = [
      ...context.containers.keys().flatMap((id) => holderOf(context, id)),
      ...leases
        .networks()
        .flatMap((network) =>
          leases.list(network).flatMap((address) => leases.owner(network, address) ?? []),
        ),
      ...ports.list().flatMap(({ owner }) => owner ?? []),
      ...names.list().flatMap((name) => names.owner(name) ?? []),
    ]
    stuck = (await reapDead(context, owners)).stuck
    orphans = await removeOrphans(context, 'always')
    context.tidying.removeDebris()
    rules = await putRulesBack(context)
    await context.names?.revive(() => contentsOf(context))
  } finally {
    host.release()
  }
  await removeIdle(context, before.networks)
  await tidy(context)
  // What could be cleared away is; the rest goes on when the cause is mended.
  if (stuck.length > 0)
    throw together(
      stuck.map(({ owner, error }) => notAllGone(`taking down ${describeOwner(owner)}`, [error])),
    )
  const gone = (was: readonly string[], is: readonly string[]): readonly string[] =>
    was.filter((key) => !is.includes(key))
  return {
    containers: gone(before.containers, recordKeys(context)),
    pending,
    leases: gone(before.leases, leaseKeys(context)),
    ports: gone(before.ports, portNames(context)),
    networks: gone(before.networks, networkNames(context)),
    rules,
    ...(orphans.length === 0 ? {} : { orphans }),
  }
}

const recordKeys = ({ containers }: EngineContext): readonly string[] => [
  ...new Set([...containers.keys(), ...containers.asideKeys()]),
]

function holderOf({ containers }: EngineContext, id: string): readonly Owner[] {
  const record = containers.get(id)
  const owner = record === undefined ? undefined : ownerOf(record)
  return owner === undefined ? [] : [owner]
}

const leaseKeys = (context: EngineContext): readonly string[] =>
  context.reservations.leases
    .networks()
    .flatMap((network) => context.reservations.leases.list(network).map((address) => `${network}/${address}`))

const portNames = (context: EngineContext): readonly string[] =>
  context.reservations.ports
    .list()
    .map(
      ({ key }) =>
        `${key.address}:${key.port}${key.count > 1 ? `-${key.port + key.count - 1}` : ''}/${key.protocol}`,
    )

const networkNames = (context: EngineContext): readonly string[] =>
  context.networks.list().map(({ name }) => name)
