/**
 * Beside firewalld, whose own chains drop what no zone lets through: addresses of
 * containers are sources of its zone `trusted`, as netavark has their subnets.
 *
 * @module
 */

import { existsSync, readFileSync } from 'node:fs'
import type { PartOptions } from '../../engine/plugins.ts'
import type { Cidr } from '../../model/address.ts'
import type { Attaching, Call } from './call.ts'
import { NetavarkError } from './errors.ts'
import { hasPart, partId } from './extras.ts'
import { firewalldSilence } from './firewalldbus.ts'

const programs = ['/usr/sbin/firewalld', '/usr/bin/firewalld']
const settings = '/etc/firewalld/firewalld.conf'

/** Asked over the bus, and only where it is installed. */
export async function firewalldRuns({ env }: Pick<Call, 'env'>): Promise<boolean> {
  return programs.some(existsSync) && (await firewalldSilence(env['DBUS_SYSTEM_BUS_ADDRESS'])) === undefined
}

/** @throws NetavarkError where driver `firewalld` is asked for and it does not run */
export async function requireFirewalld({ env }: Pick<Call, 'env'>): Promise<void> {
  const why = await firewalldSilence(env['DBUS_SYSTEM_BUS_ADDRESS'])
  if (why === undefined) return
  throw new NetavarkError(
    `Error retrieving dbus connection for requested firewall backend: DBus error: ${why}`,
  )
}

/** @throws NetavarkError where firewalld lets no port through that it has not opened itself */
export function checkForwardPorts(): void {
  const text = existsSync(settings) ? readFileSync(settings, 'utf8') : ''
  if (!/^\s*StrictForwardPorts\s*=\s*(yes|true)\s*$/im.test(text)) return
  throw new NetavarkError(
    `firewalld's StrictForwardPorts=yes refuses published ports: set it to no in ${settings}, or publish none and forward them with firewall-cmd`,
  )
}

/** It is forgotten when firewalld is reloaded: `firewalld-reload` and `firewall-reload` say it again. */
export async function trust(attaching: Attaching, addresses: readonly Cidr[]): Promise<void> {
  if (addresses.length === 0) return
  const { call, engine } = attaching
  await engine.parts.add({
    ...{ type: 'firewall', id: partId(attaching), netns: call.line.arg },
    options: optionsOf(addresses),
  })
}

/** Nothing where nothing was said. */
export async function distrust(attaching: Attaching): Promise<void> {
  const { call, engine } = attaching
  const options = optionsOf([])
  if (await hasPart(attaching, 'firewall', options))
    await engine.parts.remove({ type: 'firewall', id: partId(attaching), options, netns: call.line.arg })
}

const optionsOf = (addresses: readonly Cidr[]): PartOptions['firewall'] => ({
  ...{ backend: 'firewalld', zone: 'trusted', adminChain: '', ingressPolicy: 'open', addresses },
})
