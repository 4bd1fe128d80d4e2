/**
 * A plan: five sections of steps and the result, known before anything happens.
 *
 * Engines that split an attach over several calls (Docker) apply sections one
 * by one; all others apply them in this order.
 *
 * @module
 */

import type { Attachment } from '../model/attachment.ts'
import type { Step } from './step.ts'

export interface NetworkPlan {
  /** The bridge, its addresses, host settings. Owned by the network, not by an attachment. */
  readonly links: readonly Step[]
  /** Packet rules of the network, per backend. */
  readonly rules: readonly Step[]
}

export interface AttachmentPlan {
  /** Host side of the pair. */
  readonly endpoint: readonly Step[]
  /** Inside the sandbox. */
  readonly sandbox: readonly Step[]
  /** Port publishing. */
  readonly publish: readonly Step[]
  readonly attachment: Attachment
}
