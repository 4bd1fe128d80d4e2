/**
 * Rules that others flush come back by themselves, as long as somebody stays: tsnetd.
 *
 * The kernel announces changes of nftables, those of iptables-nft among them,
 * with the process that made them; iptables-legacy announces nothing, so the
 * size of its tables is looked at ten times a second, and the rules themselves
 * once. A change by others is followed by a look
 * without any lock, and by mending under the host lock where that finds
 * something. Without one who stays, the next command that fails for want of a
 * rule mends too (refresh.ts), and `tsnet firewall reload`.
 *
 * @module
 */

import type { Kernel } from '../../kernel/kernel.ts'
import { type Notice, type Notices, openRuleNotices, type RulesChange } from '../../kernel/look/notices.ts'
import { legacyTables } from '../../kernel/rules/legacytables.ts'
import { isOwnProcess } from '../../kernel/system/run.ts'
import type { EngineContext } from '../context.ts'
import type { EngineOptions } from '../engine.ts'
import { openContext } from '../open.ts'
import { areRulesLost, reapplyRules, wasFirewalldTold } from './refresh.ts'
import { sayOnce } from './sayonce.ts'

export interface RulesGuard {
  /** There are rules to watch: whoever leaves now leaves them alone. */
  readonly isNeeded: () => boolean
  stop(): void
}

/** Who has changed rules. */
export interface RulesChanger {
  readonly pid: number
  readonly program: string
}

export interface RulesGuardOptions {
  /** For each look a fresh one: settings of the host may have changed. */
  readonly kernel: () => Kernel
  readonly options: EngineOptions
  /** Told of each mending: how many groups of rules, and who had changed some since the last look. */
  readonly mended: (groups: number, by: readonly RulesChanger[]) => void
  /** Said once for each reason, until a look succeeds. */
  readonly failed: (error: unknown) => void
}

/** Between two looks at what was announced, and at whether there are rules at all. */
const NOTICES_MS = 20
const UNITS_MS = 500
const LEGACY_MS = 1000
const LEGACY_SIZE_MS = 100
/**
 * After a look that found nothing the next one waits, this many times as long as that took: in a crowd of programs that
 * set up and take down there is always one due, and it is of all containers.
 */
const PAUSES = 4
/** A mending that failed is tried again: somebody may hold the lock, or still be at it. */
const AGAIN_MS = 200

export function guardRules({ kernel, options, mended, failed }: RulesGuardOptions): RulesGuard {
  let notices: Notices | undefined
  let needed = { any: false, legacy: false }
  let by: RulesChanger[] = []
  let wasFirewalld = false
  let due = Number.POSITIVE_INFINITY
  let restUntil = 0
  let busy = false
  let [unitsAt, legacyAt, legacySizeAt] = [0, 0, 0]
  let legacySize = ''
  const noticing = sayOnce(failed)
  const looking = sayOnce(failed)

  const context = (): EngineContext => openContext(kernel(), options)

  function lookAtUnits(now: number): void {
    unitsAt = now + UNITS_MS
    needed = whatIsNeeded(context())
    // Also where there are no rules: those that are made before the next look can be lost before it, too.
    notices ??= openRuleNotices()
  }

  function hear(heard: readonly Notice[], now: number): void {
    const foreign = heard.filter((notice) => isForeign(notice))
    if (foreign.length === 0) return
    for (const notice of foreign) if (notice.what === 'rules') by.push(changerOf(notice))
    wasFirewalld ||= foreign.some(isFirewalld)
    due = Math.min(due, Math.max(now, restUntil))
  }

  async function look(): Promise<void> {
    const begun = performance.now()
    const there = context()
    const hasForgotten = wasFirewalld && wasFirewalldTold(there)
    wasFirewalld = false
    if (!hasForgotten && !(await areRulesLost(there))) {
      const now = performance.now()
      restUntil = now + PAUSES * (now - begun)
      by = []
      return
    }
    // Who has changed some while we looked: what was his doing is put back now.
    hear(notices?.read() ?? [], performance.now())
    const changers = distinct(by)
    const groups = await reapplyRules(there)
    by = []
    if (groups > 0) mended(groups, changers)
  }

  /** Whose change it was nobody knows: our own commands' are followed by a look too, and the next by none for a second. */
  function isLegacyDue(now: number): boolean {
    if (now < legacyAt && now < legacySizeAt) return false
    const size = legacyTables()
    const hasChanged = size !== legacySize
    legacySize = size
    const isDue = hasChanged || now >= legacyAt
    legacySizeAt = now + (hasChanged ? LEGACY_MS : LEGACY_SIZE_MS)
    if (isDue) legacyAt = now + LEGACY_MS
    return isDue
  }

  function tick(): void {
    if (busy) return
    const now = performance.now()
    try {
      if (now >= unitsAt) lookAtUnits(now)
      if (notices === undefined) return
      hear(notices.read(), now)
      if (needed.legacy && isLegacyDue(now)) due = Math.min(due, now)
      noticing.over()
    } catch (error) {
      unitsAt = now + LEGACY_MS
      if (needed.any) noticing.say(error)
      return
    }
    if (now < due) return
    due = Number.POSITIVE_INFINITY
    busy = true
    look()
      .then(looking.over)
      .catch((error: unknown) => {
        due = performance.now() + AGAIN_MS
        looking.say(error)
      })
      .finally(() => {
        busy = false
      })
  }

  const timer = setInterval(tick, NOTICES_MS).unref()
  return {
    isNeeded: () => needed.any,
    stop: () => {
      clearInterval(timer)
      notices?.close()
    },
  }
}

function whatIsNeeded({ units, kernel }: EngineContext): { readonly any: boolean; readonly legacy: boolean } {
  const keys = units.keys()
  const iptables = keys.includes('base@iptables')
  return {
    any: iptables || keys.includes('base@nftables'),
    legacy:
      (iptables && kernel.iptablesVariant() === 'legacy') ||
      keys.some((key) => /^(?:accept|input)\..*@iptables-legacy\./.test(key)),
  }
}

/** Tables of the iptables programs, and ours. A foreign nft table can take nothing from us. */
function isOurs({ table }: RulesChange): boolean {
  return table === 'inet tsnet' || /^ip6? (?:raw|mangle|nat|filter)$/.test(table) || firewalld.test(table)
}

/** Its table, which it makes anew when it is reloaded: what it was told besides its files is forgotten then. */
const firewalld = /^(?:inet|ip|ip6) firewalld$/

function isFirewalld(notice: Notice): boolean {
  return (
    notice.what === 'lost' ||
    (notice.what === 'rules' && notice.changes.some(({ table }) => firewalld.test(table)))
  )
}

/** What is only added takes no rule away, but a chain may have come with a policy, or have got another. */
function isForeign(notice: Notice): boolean {
  if (notice.what === 'lost') return true
  if (notice.what !== 'rules' || isOwnProcess(notice.pid)) return false
  return notice.changes.some(
    (change) => isOurs(change) && (change.action === 'removed' || change.object === 'chain'),
  )
}

function changerOf({ pid, program }: Extract<Notice, { what: 'rules' }>): RulesChanger {
  return { pid, program }
}

function distinct(changers: readonly RulesChanger[]): readonly RulesChanger[] {
  return changers.filter(({ pid }, i) => changers.findIndex((other) => other.pid === pid) === i)
}
