/**
 * `tuning`: see README.md.
 *
 * @module
 */

import { allVersions, chainedPlugin, type Plugin, tuningOf } from '../../lib/adapters/cni/index.ts'

/** Settings of the interface and its sandbox. */
export const tuning: Plugin = chainedPlugin({
  type: 'tuning',
  about: 'changes settings of the interface and of its network namespace',
  versions: allVersions,
  options: tuningOf,
  result: (previous, { mac, mtu }, { call }) => ({
    ...previous,
    interfaces: previous.interfaces.map((one) =>
      one.name === call.ifname && (one.sandbox ?? '') !== ''
        ? { ...one, ...(mac === undefined ? {} : { mac }), ...(mtu === undefined ? {} : { mtu }) }
        : one,
    ),
  }),
})
