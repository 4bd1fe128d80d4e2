/**
 * Which driver a network is of, checked before anything is touched.
 *
 * @module
 */

import type { Family } from '../../model/address.ts'
import { addEntry, removeEntry } from './aardvarkfolder.ts'
import { checkBridge, checkBridgeLink, setupBridge, teardownBridge } from './bridge.ts'
import type { Attaching } from './call.ts'
import { NetavarkError } from './errors.ts'
import { portOptions, setupLeased, teardownLeased } from './leased.ts'
import { checkLink, setupLink, teardownLink } from './links.ts'
import { findPlugin, setupPlugin, teardownPlugin } from './plugin.ts'
import { type StatusBlock, statusOf } from './status.ts'
import { allOf, takeBack } from './wayback.ts'

/** What is done with one network of one call. */
export interface Driver {
  setup(served: Set<Family>): Promise<StatusBlock>
  /** Never fails because something is gone. */
  teardown(): Promise<void>
}

type Checked = Omit<Attaching, 'engine'>

/** @throws NetavarkError for what cannot be; nothing has been done then */
export function checkDriver(checked: Checked): (attaching: Attaching) => Driver {
  const { network, joining, call } = checked
  if (joining.ifname === '') throw new NetavarkError('no container interface name given')
  const { driver } = network
  if (driver === 'bridge') {
    checkBridge(checked)
    return bridgeDriver
  }
  if (driver === 'macvlan' || driver === 'ipvlan') {
    checkLink(checked, driver)
    return (attaching) => ({
      setup: async () =>
        statusOf(network, await setupLink(attaching, driver), attaching.options.dnsServers ?? []),
      teardown: () => teardownLink(attaching, driver),
    })
  }
  const path = findPlugin(driver, call.line.pluginFolders)
  if (path === undefined)
    throw new NetavarkError(
      `unknown network driver ${checked.options.generation === 1 ? driver : `"${driver}"`}`,
    )
  return (attaching) => ({
    setup: () => setupPlugin(attaching, path),
    teardown: () => teardownPlugin(attaching, path),
  })
}

/** On a bridge of somebody else's, beyond which a DHCP server is: no names of ours, no rules. */
function leasedBridge(attaching: Attaching): Driver {
  const { network, options } = attaching
  return {
    setup: async () => {
      await checkBridgeLink(attaching)
      const made = await setupLeased(attaching, 'bridge', portOptions(attaching))
      return statusOf(network, made, options.dnsServers ?? [])
    },
    teardown: () => teardownLeased(attaching, 'bridge', portOptions(attaching)),
  }
}

function bridgeDriver(attaching: Attaching): Driver {
  const { call, options, network, joining } = attaching
  const { config } = call.line
  if (network.ipamDriver === 'dhcp') return leasedBridge(attaching)
  return {
    setup: async (served) => {
      const made = await setupBridge(attaching, served)
      const { dnsServers = [], containerId, containerName } = options
      if (made.nameServers !== undefined && config !== undefined) {
        const file = {
          name: network.name,
          internal: network.internal,
          listeners: made.nameServers,
          forwarders: network.networkDnsServers,
        }
        const names = [containerName, ...joining.aliases]
        await addEntry(config, file, { containerId, cidrs: made.cidrs, names, servers: dnsServers }).catch(
          async (error: unknown) => {
            await takeBack(call, () => teardownBridge(attaching))
            throw error
          },
        )
      }
      return statusOf(network, made, dnsServers)
    },
    teardown: () =>
      allOf(
        async () =>
          network.dnsEnabled &&
          config !== undefined &&
          (await removeEntry(config, network.name, options.containerId)),
        () => teardownBridge(attaching),
      ),
  }
}
