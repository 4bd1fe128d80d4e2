/**
 * Waiting until the kernel knows whether another has an IPv6 address (RFC 4862, duplicate address detection).
 *
 * @module
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { linkNamed } from '../../drivers/cni/part.ts'
import { fail } from '../../errors/codes.ts'
import type { OpenSandbox } from '../../kernel/kernel.ts'
import type { EngineContext } from '../context.ts'
import { undoPending } from '../heal/takedown.ts'
import { lookAround } from './lookaround.ts'

/** The kernel looks for duplicates for one to two seconds, and begins when it has time to. */
const settleLimitMs = 20_000
const settlePauseMs = 50

/** @throws TSNET_ADDRESS_IN_USE (conflict) where another has the address, with the attachment undone */
export async function settledOrUndo(
  context: EngineContext,
  { key, ifname }: { readonly key: string; readonly ifname: string },
  sandbox: OpenSandbox,
): Promise<void> {
  const deadline = Date.now() + settleLimitMs
  for (;;) {
    const facts = await lookAround(context, [{ what: 'sandbox' }], sandbox)
    const link = linkNamed(facts.sandbox, ifname)
    const [duplicate] = link?.duplicate ?? []
    const waiting = (link?.tentative ?? []).filter((cidr) => !cidr.startsWith('fe80:'))
    if (duplicate === undefined && waiting.length === 0) return
    if (duplicate === undefined && Date.now() < deadline) {
      await sleep(settlePauseMs)
      continue
    }
    const undone = await undoPending(context, key)
    const error = fail('TSNET_ADDRESS_IN_USE', {
      message:
        duplicate === undefined
          ? `giving ${ifname} the address ${waiting[0]}: whether another has it is not known after ${settleLimitMs} ms`
          : `giving ${ifname} the address ${duplicate}: another on that network has it`,
      field: 'enabledad',
      value: duplicate ?? waiting[0],
      hint: 'give it another address, or find who has this one: ip -6 neigh',
    })
    error.undo.push(...undone)
    throw error
  }
}
