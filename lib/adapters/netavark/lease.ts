/**
 * ipam driver `dhcp`: the address comes from the network's own server, over the
 * interface that has been made, and is kept by the keeper of leases (`dhcp
 * daemon`, the one of the CNI plugin): it renews, and releases at teardown.
 *
 * Not done: the reference's proxy socket and its gRPC words; IPv6.
 *
 * @module
 */

import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import type { KeeperPlace } from '../../engine/dhcp/calls.ts'
import { dhcpOptions, keeperSocket, type Lease, type LeaseOwner } from '../../engine/dhcp/control.ts'
import type { Attaching } from './call.ts'
import { within } from './errors.ts'

/** As its dhcp-proxy waits: podman holds a lock over all containers meanwhile. */
const patienceMs = 8000

/** @throws NetavarkError where no server answers */
export async function acquireLease(attaching: Attaching): Promise<Lease> {
  const { call, engine, options } = attaching
  const { containerId, containerHostname } = options
  try {
    return await engine.dhcp.acquire(keeperPlace(), {
      ...ownerOf(attaching),
      netns: call.line.arg,
      patienceMs,
      // Type 0: no hardware address.
      clientId: `00${Buffer.from(containerId).toString('hex')}`,
      wanted: [
        dhcpOptions.subnetMask,
        dhcpOptions.routers,
        dhcpOptions.nameServers,
        dhcpOptions.domainName,
        dhcpOptions.search,
      ],
      provided: containerHostname
        ? [[dhcpOptions.hostName, Buffer.from(containerHostname).toString('hex')]]
        : [],
    })
  } catch (error) {
    throw within('unable to obtain lease', error)
  }
}

/** Nothing where there is none. */
export async function releaseLease(attaching: Attaching): Promise<void> {
  await attaching.engine.dhcp.release(keeperPlace(), ownerOf(attaching))
}

function ownerOf({ network, options, joining }: Attaching): LeaseOwner {
  return { network: network.name, container: options.containerId, ifname: joining.ifname }
}

/** The keeper is the plugin `dhcp` of this installation: dist/cni, beside dist/bin and dist/podman. */
function keeperPlace(): KeeperPlace {
  const own = dirname(process.argv[1] ?? '')
  const program = [`${own}/../cni/dhcp`, `${own}/../../cni/dhcp`].find(existsSync)
  return { socketPath: keeperSocket, ...(program === undefined ? {} : { program }) }
}
