/**
 * Guests: containers of other engines with one more interface of ours. When
 * nothing of it is wanted any more, nothing of it stays.
 *
 * @module
 */

import type { ContainerRecord } from '../../state/records.ts'
import type { EngineContext } from '../context.ts'
import { recordKeys } from '../look/find.ts'

/** Set up for a container of another engine. */
export const isGuest = ({ request }: ContainerRecord): boolean =>
  request.networks.some(({ guest }) => guest !== undefined)

/** Records of guests that are on no network any more, or were put on one for ports that are all gone. */
export function idleGuests(context: EngineContext, id: string): readonly string[] {
  return recordKeys(context, id).filter((key) => {
    const record = context.containers.get(key)
    if (record?.result === undefined || !isGuest(record)) return false
    const { attachments } = record.result
    const forPorts = record.request.networks.some(({ guest }) => guest === 'published')
    return attachments.length === 0 || (forPorts && attachments.every(({ ports }) => ports.length === 0))
  })
}
