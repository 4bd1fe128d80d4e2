/**
 * Which network of a container its published ports lead to, when networks are
 * connected and disconnected one by one: podman tells each call all the ports,
 * and never which network has them.
 *
 * @module
 */

import { existsSync } from 'node:fs'
import type { PluginEngine } from '../../engine/plugins.ts'
import { isTsnetError } from '../../errors/codes.ts'
import { type Family, familyOf } from '../../model/address.ts'
import type { Attachment } from '../../model/attachment.ts'
import type { Call } from './call.ts'
import { within } from './errors.ts'
import { publishing } from './ports.ts'
import type { NetworkOptions } from './request.ts'

/** What the container is on now, whoever has connected it. */
export async function attachmentsOf(
  engine: PluginEngine,
  { containerId }: Pick<NetworkOptions, 'containerId'>,
): Promise<readonly Attachment[]> {
  try {
    const { container, attachments } = await engine.inspect({ container: containerId })
    return container.id === containerId ? attachments : []
  } catch (error) {
    if (isTsnetError(error, 'TSNET_NO_SUCH_CONTAINER')) return []
    throw error
  }
}

const familiesOf = ({ addresses }: Attachment): readonly Family[] => addresses.map(familyOf)

/** Families in which the ports lead to one of these. */
export function servedBy(attachments: readonly Attachment[]): ReadonlySet<Family> {
  return new Set(attachments.filter(({ ports }) => ports.length > 0).flatMap(familiesOf))
}

/**
 * After a teardown: ports of a container that goes on by another network lead
 * there from now on. A container that has ended keeps nothing.
 *
 * @throws NetavarkError where they cannot
 */
export async function movePorts(call: Call, { containerId, portMappings }: NetworkOptions): Promise<void> {
  if (portMappings.length === 0 || !existsSync(call.line.arg)) return
  const engine = await call.engine()
  const left = await attachmentsOf(engine, { containerId })
  const served = servedBy(left)
  // As the engine chooses whom ports lead to: where the default route is.
  const heir = left.find(({ defaultRoute }) => defaultRoute.includes(4)) ?? left.find(hasWayOut)
  if (heir === undefined || heir.firewall === 'none') return
  const open = familiesOf(heir).filter((family) => !served.has(family))
  const { mappings } = publishing(portMappings, heir.addresses, open)
  if (mappings.length === 0) return
  try {
    await engine.publish({ container: containerId }, mappings)
  } catch (error) {
    throw within(`leading the ports to network ${heir.network}`, error)
  }
}

const hasWayOut = ({ defaultRoute }: Attachment): boolean => defaultRoute.length > 0
