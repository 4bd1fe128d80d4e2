/**
 * Published ports in engine words. podman holds the host ports itself
 * (decisions 10), and gives every network the whole list; a port can lead to
 * one of them only, so each family goes to the first that has it.
 *
 * @module
 */

import { type Address, type Cidr, type Family, familyOf, parseAddress } from '../../model/address.ts'
import type { PortMapping, Protocol } from '../../model/portmapping.ts'
import { NetavarkError } from './errors.ts'
import type { PortForward } from './request.ts'

export interface Publishing {
  readonly mappings: readonly PortMapping[]
  /** Ports nothing can lead to, and why. */
  readonly skipped: readonly string[]
}

const anywhere: Readonly<Record<Family, Address>> = { 4: '0.0.0.0' as Address, 6: '::' as Address }

/** @throws NetavarkError for protocols and host addresses there are none of */
export function checkForwards(forwards: readonly PortForward[]): void {
  for (const forward of forwards) {
    protocolOf(forward)
    hostAddressOf(forward)
  }
}

function protocolOf({ protocol }: PortForward): Protocol {
  if (protocol === 'tcp' || protocol === 'udp' || protocol === 'sctp') return protocol
  throw new NetavarkError(`unknown port protocol "${protocol}"`)
}

function hostAddressOf({ hostIp, hostPort }: PortForward): Address | undefined {
  const address = hostIp === '' ? undefined : parseAddress(hostIp)
  if (hostIp === '' || address !== undefined) return address
  throw new NetavarkError(`invalid host ip "${hostIp}" provided for port ${hostPort}`)
}

/** @param families those of the endpoint that no other network of the container serves */
export function publishing(
  forwards: readonly PortForward[],
  cidrs: readonly Cidr[],
  families: readonly Family[],
): Publishing {
  const open = families.filter((family) => cidrs.some((cidr) => familyOf(cidr) === family))
  const skipped: string[] = []
  const mappings = forwards.flatMap((forward): readonly PortMapping[] => {
    const { containerPort, hostPort, range } = forward
    const asked = hostAddressOf(forward)
    const rest = {
      hostPort,
      containerPort,
      count: range || 1,
      protocol: protocolOf(forward),
      heldByCaller: true,
    }
    if (asked === '::1') {
      skipped.push(`[::1]:${hostPort}: the kernel does not forward connections to the IPv6 loopback`)
      return []
    }
    if (asked !== undefined) return open.includes(familyOf(asked)) ? [{ ...rest, hostAddress: asked }] : []
    if (open.length === 2) return [rest]
    return open.map((family) => ({ ...rest, hostAddress: anywhere[family] }))
  })
  return { mappings: distinct(mappings), skipped }
}

/** The same port twice is once. */
function distinct(mappings: readonly PortMapping[]): readonly PortMapping[] {
  const texts = mappings.map((mapping) => JSON.stringify(mapping))
  return mappings.filter((_, i) => texts.indexOf(texts[i] as string) === i)
}
