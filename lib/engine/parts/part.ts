/**
 * What is asked about one part of an attachment, and the key its record is kept under.
 *
 * @module
 */

import type { PartId } from '../../drivers/cni/part.ts'
import type { PartOptions, PartType } from '../../drivers/cni/registry.ts'
import type { Attachment } from '../../model/attachment.ts'

export interface PartRequest<T extends PartType> {
  readonly type: T
  readonly id: PartId
  readonly options: PartOptions[T]
  /** Path of the sandbox; empty where it is gone. */
  readonly netns: string
  /** What `tsnet ls` and `tsnet port` show of it; absent: nothing. */
  readonly shown?: Omit<Attachment, 'hostIfname' | 'bridge' | 'mac' | 'mtuBytes'> & {
    readonly bridge?: string
  }
}

/** `~` is in no id, no ifname, no network name and no type. */
export function partKey(type: string, { container, ifname, network }: PartId): string {
  return `${container}~${ifname}~${network}~${type}`
}
