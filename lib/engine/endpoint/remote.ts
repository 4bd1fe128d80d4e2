/**
 * The engine as a driver of other engines' networks needs it (Docker): halves
 * of endpoints, address pools, and documents of its own.
 *
 * @module
 */

import type { Kernel } from '../../kernel/kernel.ts'
import type { NetworkConfig } from '../../model/network.ts'
import { type Ledger, ledger } from '../../state/ledger.ts'
import { statePaths } from '../../state/paths.ts'
import { documentFault, poolFault } from '../../state/shapes.ts'
import type { Engine, EngineOptions } from '../engine.ts'
import { heal } from '../heal/heal.ts'
import { tidy } from '../heal/idle.ts'
import { createLocalEngine } from '../local.ts'
import { ensureNetworks } from '../network/ensure.ts'
import { openContext } from '../open.ts'
import { type AddressPools, createAddressPools, type PoolDocument } from './addresspools.ts'
import { createHostEnds, type HostEnds } from './hostends.ts'

export type { Ledger } from '../../state/ledger.ts'
export type { AddressPools } from './addresspools.ts'
export type { HostEnd } from './endrecords.ts'
export type { HostEnds } from './hostends.ts'

export interface RemoteEngine extends Engine {
  readonly ends: HostEnds
  readonly pools: AddressPools
  /** What the engine has told of its networks, by its own ids. */
  documents<T>(): Ledger<T>
  /** Undefined where there is none of that name. */
  network(name: string): NetworkConfig | undefined
  /** Makes what is missing of a network that is defined: after a reboot nothing of it is there. */
  restoreNetwork(name: string): Promise<void>
  /** What people call it, and where its names end too. */
  describeNetwork(name: string, about: { readonly label: string; readonly domain: string }): void
}

/** @throws TSNET_NOT_ROOT (forbidden) */
export function openRemoteEngine(kernel: Kernel, options: EngineOptions): RemoteEngine {
  const context = openContext(kernel, options)
  const { remote } = statePaths(options.stateDir)
  return {
    ...createLocalEngine(context),
    ends: createHostEnds(context),
    pools: createAddressPools(context, ledger<PoolDocument>(`${remote}/pools`, poolFault, context.warn)),
    documents: <T>() => ledger<T>(`${remote}/networks`, documentFault, context.warn),
    network: (name) => context.networks.get(name),
    restoreNetwork: async (name) => {
      try {
        await heal(context)
        const backend = context.networks.get(name)?.firewall ?? context.backend
        const { host } = await ensureNetworks(context, [{ network: name }], backend, async () => undefined)
        host.release()
      } finally {
        // It may have been removed meanwhile, and we the last to look.
        await tidy(context)
      }
    },
    describeNetwork: (name, { label, domain }) => {
      const config = context.networks.get(name)
      if (config === undefined || config.labels['docker.network'] === label) return
      const options = config.options.domain === undefined ? { ...config.options, domain } : config.options
      context.networks.put({ ...config, options, labels: { ...config.labels, 'docker.network': label } })
    },
  }
}
