/**
 * Steps that write files containers read: resolv.conf, hosts.
 *
 * @module
 */

import { fail, isTsnetError } from '../../errors/codes.ts'
import type { FileStep } from '../../plan/step.ts'
import { type FileText, textHolds, textTakenBack, textWith } from '../../plan/textfile.ts'
import { changeText, readChangeable } from '../system/textfile.ts'
import type { Handler } from './handler.ts'

export const file: Handler<'file'> = {
  doing: ({ path }) => `writing ${path}`,
  apply: {
    by: 'call',
    call: async (step) => {
      const changed = await changeText(step.path, (current) => textDone(step, current))
      // Marked lines that were there are ours as well.
      return { created: changed || step.mark !== undefined }
    },
  },
  undo: {
    by: 'call',
    order: 'inPlace',
    dies: () => false,
    call: async (step) => {
      try {
        await changeText(step.path, (current) => textTakenBack(step, current))
      } catch (error) {
        // A link, a device, no text: somebody has put something else there, and it is theirs.
        if (!isTsnetError(error, 'TSNET_FILE_UNUSABLE') || error.cause !== undefined) throw error
      }
    },
  },
  holds: (step) => {
    try {
      return textHolds(step, readChangeable(step.path))
    } catch {
      return false
    }
  },
}

/** What was there is in the journal by now, so it must still be so. */
function textDone(step: FileStep, current: FileText): string {
  if (step.mark === undefined && current !== step.before && current !== step.text) {
    throw fail('TSNET_STEP_FAILED', {
      message: `writing ${step.path}: somebody else has changed it in this moment`,
      value: step.path,
      hint: 'try again; give each container files of its own',
    })
  }
  return textWith(step, current)
}
