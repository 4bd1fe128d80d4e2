/**
 * tsnetd owns the nftables table, where the host's settings say so: a table that was left is taken up, a plain one is
 * made anew without a moment without rules, one that is made from now on is owned from its first rule.
 *
 * Looked at again and again, because another tsnetd may have been the owner until now, and because a command that finds
 * no owner makes a plain one. How a table is owned is the kernel room's.
 *
 * @module
 */

import type { RulesOwning } from '../../kernel/kernel.ts'
import { readHostConfig } from '../../state/config.ts'
import type { EngineContext } from '../context.ts'
import { putRulesBack } from './refresh.ts'
import { sayOnce } from './sayonce.ts'

export interface RulesOwner {
  /** Lets go; the table stays. */
  stop(): Promise<void>
}

export interface RulesOwnerOptions {
  readonly context: () => EngineContext
  /** The table is owned from now on: how it was until then. */
  readonly owned: (before: 'none' | 'left' | 'plain') => void
  /** Said once for each reason. */
  readonly failed: (error: unknown) => void
}

/** Another tsnetd lets go at any moment. */
const LOOK_MS = 250

export function ownRules({ context, owned, failed }: RulesOwnerOptions): RulesOwner {
  const failing = sayOnce(failed)
  let begun = false
  let busy: Promise<void> | undefined
  let stopped = false

  /** By the host's settings: those that cannot be read are each caller's error. */
  function wanted(): RulesOwning | undefined {
    try {
      return readHostConfig().ownRules === true ? context().kernel.rulesOwning : undefined
    } catch (error) {
      failing.say(error)
      return undefined
    }
  }

  async function look(rules: RulesOwning): Promise<void> {
    const hadBegun = begun
    if (!begun) begin(rules)
    if (!begun) return
    const state = rules.state()
    if (state === 'own' || (state === 'none' && hadBegun)) return
    if (state === 'others') throw new Error('the table inet tsnet belongs to another process')
    if (state === 'left') rules.adopt()
    if (state === 'plain' && !(await remake(context(), rules, 'owned'))) return
    if (!stopped) owned(state)
  }

  function begin(rules: RulesOwning): void {
    try {
      begun = rules.begin()
    } catch (error) {
      // A kernel that cannot will not be able to a moment later.
      stopped = true
      throw error
    }
  }

  function tick(): void {
    if (owning === undefined || busy !== undefined || stopped) return
    busy = look(owning)
      .catch(failing.say)
      .finally(() => {
        busy = undefined
      })
  }

  // Settings that cannot be read by now are the same kind of failure as any other.
  const leave = async (rules: RulesOwning): Promise<unknown> => remake(context(), rules, 'plain')

  const owning = wanted()
  tick()
  const timer = setInterval(tick, LOOK_MS).unref()
  return {
    stop: async () => {
      stopped = true
      clearInterval(timer)
      // Not in the middle of a change of hands.
      await busy
      // One that is left can be changed by all, but Debian 12's nft cannot load what it lists of it.
      if (owning !== undefined && begun) await leave(owning).catch(failing.say)
      owning?.end()
    },
  }
}

/** @returns false where it is not ours to make anew, or has changed hands while we waited */
async function remake(context: EngineContext, rules: RulesOwning, as: 'owned' | 'plain'): Promise<boolean> {
  const from = as === 'owned' ? 'plain' : 'own'
  if (rules.state() !== from || !context.units.keys().includes('base@nftables')) return false
  const host = await context.locks.hostExclusive()
  try {
    if (rules.state() !== from) return false
    await rules.remake(as, async () => {
      await putRulesBack(context)
    })
    return true
  } finally {
    host.release()
  }
}
