/**
 * Port bindings of one attachment, spread over the families they are published
 * in: what both printers start from.
 *
 * @module
 */

import { type Address, type Family, familyOf, isUnspecified } from '../model/address.ts'
import type { Protocol } from '../model/portmapping.ts'
import type { PublishIntent } from '../plan/intent.ts'

/** One binding in one family. */
export interface PublishedPorts {
  readonly family: Family
  readonly protocol: Protocol
  /** Absent: any address of the host. */
  readonly hostAddress: Address | undefined
  readonly hostPort: number
  readonly containerAddress: Address
  readonly containerPort: number
  readonly count: number
}

/** Names are asked for over both (RFC 7766). */
export const questionProtocols = ['udp', 'tcp'] as const

/**
 * A binding without a host address is published in every family the container
 * has an address of; `0.0.0.0` and `::` mean every address of that family.
 */
export function publishedPorts(intent: PublishIntent): readonly PublishedPorts[] {
  return allPorts(intent).filter(({ family }) => intent.routed?.includes(family) !== true)
}

/** Those that are let in as they come: nobody asks for them at an address of the host. */
export function routedPorts(intent: PublishIntent): readonly PublishedPorts[] {
  return allPorts(intent).filter(({ family }) => intent.routed?.includes(family) === true)
}

function allPorts(intent: PublishIntent): readonly PublishedPorts[] {
  return intent.bindings.flatMap(({ hostAddress, hostPort, containerPort, count, protocol }) =>
    intent.addresses
      .filter((address) => hostAddress === undefined || familyOf(hostAddress) === familyOf(address))
      .map((containerAddress) => ({
        family: familyOf(containerAddress),
        protocol,
        hostAddress: hostAddress === undefined || isUnspecified(hostAddress) ? undefined : hostAddress,
        hostPort,
        containerAddress,
        containerPort,
        count,
      })),
  )
}
