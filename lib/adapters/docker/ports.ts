/**
 * `com.docker.network.portmap`: from one entry for each port, in any order, to
 * as few ranges as they make.
 *
 * @module
 */

import { fail } from '../../errors/codes.ts'
import type { Address } from '../../model/address.ts'
import type { Protocol } from '../../model/portmapping.ts'
import { readHostAddress } from '../../model/specs/publish.ts'
import type { PortBindingWish } from './messages.ts'

/** A published port; the host port may be any up to `hostPortEnd`. */
export interface Published {
  readonly hostAddress?: Address
  readonly hostPort?: number
  readonly hostPortEnd?: number
  readonly containerPort: number
  readonly count: number
  readonly protocol: Protocol
}

/** IANA's numbers. */
const protocols: Readonly<Record<number, Protocol>> = { 6: 'tcp', 17: 'udp', 132: 'sctp' }

/** @param binding where a port without an address is published @throws TSNET_BAD_VALUE (invalid), TSNET_NOT_SUPPORTED */
export function readPorts(
  wishes: readonly PortBindingWish[],
  binding: Address | undefined,
): readonly Published[] {
  return mergeRuns(wishes.map((wish) => readPort(wish, binding)))
}

function readPort(wish: PortBindingWish, binding: Address | undefined): Published {
  const { Proto, Port, HostIP = '', HostPort = 0, HostPortEnd = 0 } = wish
  const protocol = protocols[Proto]
  if (protocol === undefined) {
    throw fail('TSNET_BAD_VALUE', {
      message: `publishing port ${Port}: protocol ${Proto} cannot be published`,
      field: 'Proto',
      value: Proto,
      hint: 'use tcp (6), udp (17) or sctp (132)',
    })
  }
  const hostAddress = HostIP === '' ? binding : readHostAddress(HostIP, 'HostIP')
  return {
    ...(hostAddress === undefined ? {} : { hostAddress }),
    ...(HostPort === 0 ? {} : { hostPort: HostPort }),
    ...(HostPortEnd > HostPort ? { hostPortEnd: HostPortEnd } : {}),
    containerPort: Port,
    count: 1,
    protocol,
  }
}

/** `-p 9000-9001:9000-9001` comes as two entries, and is one rule. */
function mergeRuns(ports: readonly Published[]): readonly Published[] {
  const merged: Published[] = []
  for (const port of [...ports].sort(inOrder)) {
    const last = merged.at(-1)
    if (last !== undefined && follows(last, port))
      merged[merged.length - 1] = { ...last, count: last.count + 1 }
    else if (last === undefined || inOrder(last, port) !== 0) merged.push(port)
  }
  return merged
}

function inOrder(a: Published, b: Published): number {
  return (
    compare(a.protocol, b.protocol) ||
    compare(a.hostAddress ?? '', b.hostAddress ?? '') ||
    a.containerPort - b.containerPort ||
    (a.hostPort ?? 0) - (b.hostPort ?? 0) ||
    (a.hostPortEnd ?? 0) - (b.hostPortEnd ?? 0)
  )
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** Both have a host port of their own, and `port` comes right behind. */
function follows(run: Published, port: Published): boolean {
  return (
    run.hostPort !== undefined &&
    run.hostPortEnd === undefined &&
    port.hostPortEnd === undefined &&
    run.protocol === port.protocol &&
    run.hostAddress === port.hostAddress &&
    port.containerPort === run.containerPort + run.count &&
    port.hostPort === run.hostPort + run.count
  )
}
