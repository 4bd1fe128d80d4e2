/**
 * Everything that is not ours goes to other servers, except from internal
 * networks, whose queries never leave: NXDOMAIN (decision 27). Silence of all
 * servers is SERVFAIL, so that nobody waits for a timeout of its own.
 *
 * @module
 */

import type { Handler } from '../chain.ts'
import type { Forwarder } from '../forward.ts'
import { RCODE, replyLimit } from '../wire.ts'
import { denial } from './names.ts'

const root = '\0'

export function forward(forwarder: Pick<Forwarder, 'resolve'>): Handler {
  return async ({ query, message, view, transport }) => {
    if (view.internal) {
      return denial(RCODE.NXDOMAIN, root, 'only on internal networks: nothing is forwarded')
    }
    const limit = replyLimit(query, transport)
    const answer = await forwarder.resolve({ message, query, view, limit })
    if (answer !== undefined) return { kind: 'forwarded', ...answer }
    return { kind: 'local', rcode: RCODE.SERVFAIL, records: [], why: 'no server answers' }
  }
}
