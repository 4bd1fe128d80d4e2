/**
 * Reserved ports are held against processes of the host by whoever stays, tsnetd,
 * where no engine of the caller does so itself (decisions 10).
 *
 * What this process reserves is held from that moment on, until it is given back.
 * What other processes reserve and give back is seen a moment later.
 *
 * @module
 */

import type { HostPorts, Kernel } from '../../kernel/kernel.ts'
import { portsName, startHolding } from '../../kernel/packets/portholder.ts'
import type { Address } from '../../model/address.ts'
import type { PortBinding, PortMapping, Protocol } from '../../model/portmapping.ts'
import type { Owner, PortFiles, PortKey } from '../../state/reservations.ts'
import type { EngineContext } from '../context.ts'
import { portKey } from './portkey.ts'

type Holder = Pick<Kernel, 'portHolding'>

/** The same files, and what is reserved with them is held. */
export function heldFiles(ports: PortFiles, { portHolding }: Holder): PortFiles {
  if (portHolding === undefined) return ports
  return {
    ...ports,
    take: (key, owner) => {
      if (!portHolding.isOn()) ports.announce()
      ports.take(key, owner)
      if (owner.callerHolds !== true && portHolding.isOn()) portHolding.hold(hostPorts(key))
    },
    release: (key) => {
      if (!portHolding.isOn()) ports.announce()
      portHolding.letGo(hostPorts(key))
      ports.release(key)
    },
  }
}

/** Reserves what was chosen, in the order it was asked for. */
export function reservePorts(
  { reservations }: EngineContext,
  owner: Owner,
  mappings: readonly PortMapping[],
  bindings: readonly PortBinding[],
): void {
  for (const [i, binding] of bindings.entries()) {
    const callerHolds = mappings[i]?.heldByCaller === true
    reservations.ports.take(portKey(binding), callerHolds ? { ...owner, callerHolds } : owner)
  }
}

/** Between two looks at what others have reserved and given back. */
const LOOK_MS = 1000
/** Others announce a change before they make it: so long after the last one all are made. */
const SETTLED_MS = 2 * LOOK_MS

/**
 * Holds what this process reserves from now on until it is stopped, and what was reserved before from `from` on (absent:
 * now): of one process for each host.
 */
export function keepPorts(open: () => EngineContext, from?: Promise<void>): { stop(): void } {
  const stopHolding = startHolding()
  let known: number | undefined
  const look = (): void => {
    try {
      const context = open()
      // All reservations are a file each, ten thousand at times: read only when others have changed some.
      const announced = context.reservations.ports.announcedAt()
      if (announced !== undefined && announced === known) return
      holdReserved(context)
      known = announced !== undefined && Date.now() - announced > SETTLED_MS ? announced : undefined
    } catch {
      // A folder that cannot be read now is looked at again.
    }
  }
  let timer: NodeJS.Timeout | undefined
  let isStopped = false
  const begin = (): void => {
    if (isStopped) return
    timer = setInterval(look, LOOK_MS).unref()
    look()
  }
  if (from === undefined) begin()
  else void from.then(begin)
  return {
    stop: () => {
      isStopped = true
      clearInterval(timer)
      stopHolding()
    },
  }
}

/** Holds what is reserved, and nothing else. */
function holdReserved({ reservations, kernel }: EngineContext): void {
  const { portHolding } = kernel
  if (portHolding?.isOn() !== true) return
  const reserved = reservations.ports.list()
  const names = new Set(reserved.map(({ key }) => portsName(hostPorts(key))))
  for (const held of portHolding.held()) if (!names.has(portsName(held))) portHolding.letGo(held)
  for (const { key, owner } of reserved)
    if (owner !== undefined && owner.callerHolds !== true) portHolding.hold(hostPorts(key))
}

function hostPorts({ protocol, address, port, count }: PortKey): HostPorts {
  const own = { protocol: protocol as Protocol, port, count }
  return address === 'any' ? own : { ...own, address: address as Address }
}
