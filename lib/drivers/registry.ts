/**
 * The drivers there are, and what each mode of a container allows: one explicit
 * list, so that nothing registers itself from elsewhere.
 *
 * `host` and `none` have no networks of their own and nothing to plan but what
 * `planSandbox` does; `container` shares what another container has.
 *
 * @module
 */

import { fail } from '../errors/codes.ts'
import type { SetupRequest } from '../model/attachment.ts'
import type { DriverName } from '../model/network.ts'

export type Mode = SetupRequest['mode']

export interface ModeRules {
  /** Endpoints are made: `networks`, addresses and MACs may be asked for. */
  readonly attaches: boolean
  readonly publishes: boolean
  /** `lo` is set up and `sysctls` are written: `planSandbox` applies. */
  readonly ownSandbox: boolean
  /** Why not, for the error. */
  readonly because: string
}

export interface Driver {
  readonly name: DriverName
  /** One line for `network create --help`. */
  readonly about: string
  /** Users may create networks of it. */
  readonly creatable: boolean
}

export const drivers: { readonly [K in DriverName]: Driver & { readonly name: K } } = {
  bridge: {
    name: 'bridge',
    about: 'a Linux bridge on this host, a veth pair for each container',
    creatable: true,
  },
  host: { name: 'host', about: 'the network of the host itself; nothing is changed', creatable: false },
  none: { name: 'none', about: 'only the loopback interface', creatable: false },
}

export const modes: { readonly [K in Mode]: ModeRules } = {
  bridge: { attaches: true, publishes: true, ownSandbox: true, because: '' },
  host: {
    attaches: false,
    publishes: false,
    ownSandbox: false,
    because: 'the container uses the host’s own network, where its ports are open already',
  },
  none: {
    attaches: false,
    publishes: false,
    ownSandbox: true,
    because: 'the container has no network to reach it by',
  },
  container: {
    attaches: false,
    publishes: false,
    ownSandbox: false,
    because: 'the ports belong to the container whose network it shares',
  },
}

type Wishes = Pick<SetupRequest, 'mode' | 'networks' | 'publish' | 'publishAll' | 'ignorePublish' | 'sysctls'>

/**
 * Refuses wishes the mode cannot fulfil.
 *
 * @throws TSNET_MODE_MISMATCH (invalid)
 */
export function refuseMismatch(request: Wishes): void {
  const { mode, networks, publish, publishAll, ignorePublish, sysctls } = request
  const { attaches, publishes, ownSandbox, because } = modes[mode]
  const refuse = (field: string, wish: string, hint: string): never => {
    throw fail('TSNET_MODE_MISMATCH', { message: `${wish} in mode ${mode}: ${because}`, field, hint })
  }
  if (!attaches && networks.length > 0) refuse('networks', 'joining networks', 'leave the networks out')
  if (!publishes && !ignorePublish && (publish.length > 0 || publishAll)) {
    refuse('publish', 'publishing ports', 'leave the ports out, or say --ignore-publish')
  }
  if (!ownSandbox && Object.keys(sysctls).length > 0) {
    refuse('sysctls', 'setting sysctls', 'leave them out')
  }
}
