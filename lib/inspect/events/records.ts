/**
 * What has changed between two looks at tsnet's records. Pure.
 *
 * @module
 */

import { addressOf } from '../../model/address.ts'
import type { Attachment, ContainerNetwork } from '../../model/attachment.ts'
import { shortPorts } from '../../model/openports.ts'
import type { Told } from './event.ts'

export interface Records {
  readonly containers: readonly ContainerNetwork[]
  readonly networks: readonly string[]
}

export function recordEvents(before: Records, after: Records): readonly Told[] {
  const [old, now] = [attachmentsOf(before), attachmentsOf(after)]
  const added = [...now].filter(([key]) => !old.has(key)).map(([, one]) => one)
  const removed = [...old].filter(([key]) => !now.has(key)).map(([, one]) => one)
  const kept = [...now].filter(([key]) => old.has(key))
  return [
    ...after.networks
      .filter((name) => !before.networks.includes(name))
      .map((name): Told => network(name, 'added')),
    ...added.flatMap((one): Told[] => [attach(one), ...names(one, [])]),
    ...kept.flatMap(([key, one]) => changes(old.get(key) as Held, one)),
    ...removed.map((one): Told => detach(one)),
    ...before.networks
      .filter((name) => !after.networks.includes(name))
      .map((name): Told => network(name, 'removed')),
  ]
}

interface Held {
  readonly container: string
  readonly attachment: Attachment
}

function attachmentsOf({ containers }: Records): ReadonlyMap<string, Held> {
  return new Map(
    containers.flatMap(({ container, createdAt, attachments }) =>
      attachments.map((attachment) => [
        // The same name again is another container.
        `${container.id} ${createdAt} ${attachment.network} ${attachment.ifname}`,
        { container: container.name ?? container.id, attachment },
      ]),
    ),
  )
}

function attach({ container, attachment }: Held): Told {
  const { network: name, ifname, addresses } = attachment
  const ports = shortPorts(attachment)
  const published = ports.length === 0 ? '' : `, publishes ${ports.join(' ')}`
  const words = `${container} is on ${name}: ${ifname} ${addresses.map(addressOf).join(' ')}${published}`
  return { kind: 'attach', action: 'added', subject: container, words }
}

function detach({ container, attachment }: Held): Told {
  const words = `${container} is no longer on ${attachment.network}`
  return { kind: 'detach', action: 'removed', subject: container, words }
}

function names({ container, attachment }: Held, before: readonly string[]): Told[] {
  const fresh = attachment.aliases.filter((name) => !before.includes(name))
  if (fresh.length === 0) return []
  const words = `${container} is also called ${fresh.join(', ')} on ${attachment.network}`
  return [{ kind: 'names', action: 'added', subject: container, words }]
}

function changes(old: Held, now: Held): readonly Told[] {
  const { container, attachment } = now
  const gone = old.attachment.aliases.filter((name) => !attachment.aliases.includes(name))
  const [before, after] = [shortPorts(old.attachment), shortPorts(attachment)]
  const open = after.filter((port) => !before.includes(port))
  const closed = before.filter((port) => !after.includes(port))
  const about = { action: 'changed' as const, subject: container }
  return [
    ...names(now, old.attachment.aliases),
    ...(gone.length === 0
      ? []
      : [
          {
            kind: 'names' as const,
            ...about,
            words: `${container} is no longer called ${gone.join(', ')} on ${attachment.network}`,
          },
        ]),
    ...(open.length === 0
      ? []
      : [{ kind: 'attach' as const, ...about, words: `${container} publishes ${open.join(' ')}` }]),
    ...(closed.length === 0
      ? []
      : [
          {
            kind: 'attach' as const,
            ...about,
            words: `${container} no longer publishes ${closed.join(' ')}`,
          },
        ]),
  ]
}

function network(name: string, action: 'added' | 'removed'): Told {
  const words = action === 'added' ? `network ${name} is there` : `network ${name} is gone`
  return { kind: 'network', action, subject: name, words }
}
