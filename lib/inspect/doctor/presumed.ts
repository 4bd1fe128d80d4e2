/**
 * What may be presumed of a network before anything is called wrong with it: a
 * bridge with a pair of links for each container, and this host its gateway.
 *
 * @module
 */

import type { NetworkConfig } from '../../model/network.ts'

/** Of a driver that is not ours nobody here knows the shape; the name in `options.bridge` need not be a link. */
export const isBridged = ({ driver }: Pick<NetworkConfig, 'driver'>): boolean => driver === 'bridge'

/** Containers leave and are reached through this host, at addresses that tsnet has given the bridge. */
export function isGateway({ driver, options }: Pick<NetworkConfig, 'driver' | 'options'>): boolean {
  return isBridged({ driver }) && options.unmanaged !== true && options.addressed !== false
}
