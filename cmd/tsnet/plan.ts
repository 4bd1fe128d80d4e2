/**
 * `tsnet plan`: what `setup` with the same flags would do.
 *
 * @module
 */

import type { CommandDefinition } from './command.ts'
import { setupRequestOf } from './request.ts'
import { requestOptions } from './requestoptions.ts'
import { showPlan } from './setup.ts'

export const plan: CommandDefinition = {
  path: ['plan'],
  summary: 'show what setup would do, as shell lines',
  about:
    'Takes the flags of tsnet setup and prints the ip, iptables or nft, and sysctl lines that would do the same, ' +
    'runnable as they stand. Changes nothing; an address or port it shows is not reserved. The same as setup --dry-run.',
  args: [],
  groups: requestOptions,
  onSignal: 'stop',
  run: async (invocation, session) => {
    const request = await setupRequestOf(invocation, session.io, await session.lib())
    return showPlan(request, invocation, session)
  },
}
