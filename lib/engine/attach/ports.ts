/**
 * Choosing, checking and reserving host ports.
 *
 * A port is free if no reservation overlaps and nobody's socket is bound to it.
 * Where tsnetd runs it binds what is reserved, so that no stranger can later
 * (portholding.ts); without it the kernel sends the packets to the container all
 * the same.
 *
 * @module
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { fail } from '../../errors/codes.ts'
import type { PortHolder } from '../../kernel/kernel.ts'
import { shortHash } from '../../model/hash.ts'
import type { PortBinding, PortMapping } from '../../model/portmapping.ts'
import type { Owner } from '../../state/reservations.ts'
import { describeOwner, type EngineContext, ownerIsAlive } from '../context.ts'
import type { Reap } from './addresses.ts'
import { portKey } from './portkey.ts'

/** Larger ranges are looked up in the kernel's tables at once, instead of being bound port by port. */
const boundAtMost = 256

/**
 * Under the ports lock and the host lock.
 *
 * @throws TSNET_PORT_IN_USE naming the container or process, TSNET_NO_FREE_PORT
 */
export async function choosePorts(
  context: EngineContext,
  mappings: readonly PortMapping[],
  by: { readonly owner: Owner; readonly reap: Reap },
): Promise<readonly PortBinding[]> {
  const chosen: PortBinding[] = []
  for (const mapping of mappings) {
    const hostAddress = mapping.hostAddress ?? context.hostConfig.publishAddress
    const { containerPort, count, protocol } = mapping
    const rest = { containerPort, count, protocol, ...(hostAddress === undefined ? {} : { hostAddress }) }
    chosen.push(
      mapping.hostPort === undefined
        ? await chooseFree(context, rest, chosen, by.owner)
        : await checkAsked(
            context,
            { ...rest, hostPort: mapping.hostPort },
            { reap: by.reap, heldByCaller: mapping.heldByCaller === true },
          ),
    )
  }
  return chosen
}

async function checkAsked(
  context: EngineContext,
  binding: PortBinding,
  { reap, heldByCaller }: { readonly reap: Reap; readonly heldByCaller: boolean },
): Promise<PortBinding> {
  const key = portKey(binding)
  for (;;) {
    const conflicts = context.reservations.ports.conflicts(key)
    for (const { key: held, owner } of conflicts) {
      if (owner !== undefined && !(await ownerIsAlive(context, owner))) continue
      const by = owner === undefined ? 'another container' : `container ${describeOwner(owner)}`
      throw portInUse(binding, Math.max(binding.hostPort, held.port), by, 'tsnet ls')
    }
    // Only the dead are left: their rules still lead to them.
    const dead = conflicts.flatMap(({ owner }) => owner ?? [])
    const reaped = await reap(dead)
    if (reaped >= new Set(dead.map(({ record }) => record)).size) break
    if (reaped === 0) {
      const by = `container ${describeOwner(dead[0] as Owner)}, which is being taken down`
      throw portInUse(binding, binding.hostPort, by, 'tsnet ls')
    }
  }
  const taken = heldByCaller ? undefined : await boundByStranger(context, binding)
  if (taken !== undefined) {
    const flags = binding.protocol === 'udp' ? '-lunp' : '-ltnp'
    throw portInUse(binding, taken.port, taken.by, `ss ${flags} 'sport = :${taken.port}'`)
  }
  return binding
}

function portInUse(binding: PortBinding, port: number, by: string, look: string): Error {
  const { hostAddress, hostPort, protocol } = binding
  const host =
    hostAddress === undefined ? '' : `${hostAddress.includes(':') ? `[${hostAddress}]` : hostAddress}:`
  return fail('TSNET_PORT_IN_USE', {
    message: `publishing ${host}${port}/${protocol}: held by ${by}`,
    field: 'publish',
    value: `${host}${hostPort}${binding.count > 1 ? `-${hostPort + binding.count - 1}` : ''}/${protocol}`,
    hint: `"${look}" shows it; choose another host port, or leave it out to get a free one`,
  })
}

/** tsnetd is told of nothing: what another process has just given back it holds a moment longer. */
async function boundByStranger(context: EngineContext, binding: PortBinding): Promise<Taken | undefined> {
  for (let attempt = 1; ; attempt++) {
    const taken = await boundBySomebody(context, binding)
    if (taken === undefined) return undefined
    const holder = context.otherHolder()
    const mayBeHolder = holder !== undefined && (taken.pid === undefined || taken.pid === holder)
    if (!mayBeHolder || attempt === holderLooks) return taken
    await sleep(holderPauseMs)
  }
}

/** Together longer than tsnetd takes to see it. */
const holderLooks = 15
const holderPauseMs = 100

interface Taken {
  readonly port: number
  readonly by: string
  readonly pid: number | undefined
}

async function boundBySomebody(context: EngineContext, binding: PortBinding): Promise<Taken | undefined> {
  const { protocol, hostAddress, hostPort, count } = binding
  const { kernel } = context
  if (count > boundAtMost) {
    const [first] = await kernel.portHolders(protocol, hostAddress, hostPort, count)
    return first === undefined ? undefined : { port: first.port, by: described(first), pid: first.pid }
  }
  for (let port = hostPort; port < hostPort + count; port++) {
    const holder = await kernel.portHolder(protocol, hostAddress, port)
    if (holder !== undefined) return { port, by: described(holder), pid: holder.pid }
  }
  return undefined
}

function described({ pid, program = 'unknown' }: PortHolder): string {
  return pid === undefined ? 'a process' : `process ${pid} (${program})`
}

/**
 * Starts at a place that depends on the container and port, so that a dry run
 * shows what a run would choose, and parallel set-ups seldom meet.
 */
async function chooseFree(
  context: EngineContext,
  wanted: Omit<PortBinding, 'hostPort'>,
  chosen: readonly PortBinding[],
  owner: Owner,
): Promise<PortBinding> {
  const [low, high] = ephemeralRange(context)
  const size = high - low + 1 - (wanted.count - 1)
  const seed = Number.parseInt(
    shortHash([owner.container, String(wanted.containerPort), wanted.protocol], 8),
    16,
  )
  const { containerPort, count, protocol } = wanted
  const isTaken =
    count === 1
      ? (binding: PortBinding) => context.reservations.ports.conflicts(portKey(binding)).length > 0
      : await takenWithin(context, { ...wanted, hostPort: low, count: high - low + 1 })
  for (let i = 0; i < size; i++) {
    const binding = { ...wanted, hostPort: low + ((seed + i) % size) }
    const overlapsChosen = chosen.some((other) => other.protocol === protocol && overlap(other, binding))
    if (overlapsChosen || isTaken(binding)) continue
    if ((await boundBySomebody(context, binding)) === undefined) return binding
  }
  const what = count === 1 ? 'all are taken' : `no ${count} in a row are free`
  throw fail('TSNET_NO_FREE_PORT', {
    message: `choosing a host port for ${containerPort}/${protocol} from ${low}-${high}: ${what}`,
    field: 'publish',
    value: `${containerPort}${count === 1 ? '' : `-${containerPort + count - 1}`}/${protocol}`,
    hint: 'widen net.ipv4.ip_local_port_range, or name a host port',
  })
}

/** For ranges, of which many are tried: everything taken in `whole` is looked up once. */
async function takenWithin(
  { kernel, reservations }: EngineContext,
  whole: PortBinding,
): Promise<(binding: PortBinding) => boolean> {
  const { protocol, hostAddress, hostPort, count } = whole
  const taken = [
    ...reservations.ports
      .conflicts(portKey(whole))
      .map(({ key }) => ({ hostPort: key.port, count: key.count })),
    ...(await kernel.portHolders(protocol, hostAddress, hostPort, count)).map(({ port }) => ({
      hostPort: port,
      count: 1,
    })),
  ]
  return (binding) => taken.some((one) => overlap(one, binding))
}

type HostPorts = Pick<PortBinding, 'hostPort' | 'count'>

function overlap(one: HostPorts, other: HostPorts): boolean {
  return one.hostPort < other.hostPort + other.count && other.hostPort < one.hostPort + one.count
}

function ephemeralRange(context: EngineContext): readonly [number, number] {
  const key = 'net/ipv4/ip_local_port_range'
  const [low, high] = (context.kernel.hostSysctls([key]).get(key) ?? '').split(/\s+/).map(Number)
  return low !== undefined && high !== undefined && low > 0 && high > low ? [low, high] : [32768, 60999]
}
