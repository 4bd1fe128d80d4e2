/**
 * The plan of one attachment: sections of steps and the result, known before
 * anything happens.
 *
 * Engines that split an attach over several calls (Docker) apply sections one
 * by one; all others apply them in this order. What belongs to the network
 * (bridge, rules) is planned for itself: engine/units.ts.
 *
 * @module
 */

import type { Attachment } from '../model/attachment.ts'
import type { Step } from './step.ts'

export interface AttachmentPlan {
  /** Host side of the pair. */
  readonly endpoint: readonly Step[]
  /** Inside the sandbox. */
  readonly sandbox: readonly Step[]
  /** Port publishing. */
  readonly publish: readonly Step[]
  readonly attachment: Attachment
}
