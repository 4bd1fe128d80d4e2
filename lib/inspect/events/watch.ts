/**
 * Everything that happens to this host's network while somebody looks: what
 * `tsnet events` prints.
 *
 * The kernel's announcements come by themselves; tsnet's records are looked at
 * when the kernel has announced something, and once a second; rules of
 * iptables-legacy, which announces nothing, once a second where there are any.
 *
 * @module
 */

import type { Engine } from '../../engine/engine.ts'
import { openNotices } from '../../kernel/look/notices.ts'
import { surveyNamespaces } from '../../kernel/namespace/namespaces.ts'
import { legacyRules } from '../../kernel/rules/ruletext.ts'
import type { EventView, Told } from './event.ts'
import { type KnownLinks, noticeEvents } from './notices.ts'
import { type Records, recordEvents } from './records.ts'

/** A running watch; events come to its callback until it is closed. */
export interface EventWatch {
  /** What has happened since. */
  read(): Promise<readonly EventView[]>
  /** Ends the watch. */
  close(): void
}

type Source = Pick<Engine, 'list' | 'listNetworks'>

const lookEveryMs = 1000

/** @throws TSNET_NOT_PERMITTED (forbidden) */
export async function watchEvents(engine: Pick<Engine, 'list' | 'listNetworks'>): Promise<EventWatch> {
  const notices = openNotices()
  const links: KnownLinks = new Map()
  const host = (await surveyNamespaces()).find(({ own }) => own)
  for (const { index, name, kind, up, master } of host?.links ?? [])
    links.set(index, { index, name, kind, up, master })
  let records = await recordsOf(engine)
  let legacy = await legacyRules()
  let looked = performance.now()
  // What the kernel announces is a part of a set-up; its record is written a little later.
  let busyUntil = 0
  return {
    read: async () => {
      const told = noticeEvents(notices.read(), links)
      const now = performance.now()
      const due = now - looked >= lookEveryMs
      if (told.length > 0) busyUntil = now + lookEveryMs
      if (!due && now > busyUntil) return []
      const after = await recordsOf(engine)
      const changed = recordEvents(records, after)
      records = after
      const later: Told[] = []
      if (due) {
        looked = now
        const rules = await legacyRules()
        later.push(...legacyEvents(legacy, rules))
        legacy = rules
      }
      const time = new Date().toISOString()
      return [...told, ...changed, ...later].map((one) => ({ time, ...one }))
    },
    close: notices.close,
  }
}

async function recordsOf(engine: Source): Promise<Records> {
  const [containers, networks] = [await engine.list(), await engine.listNetworks()]
  return { containers, networks: networks.map(({ config }) => config.name) }
}

/** Which rules came and went; who did it the kernel does not say. */
function legacyEvents(before: readonly string[], after: readonly string[]): readonly Told[] {
  const added = after.filter((line) => !before.includes(line)).length
  const removed = before.filter((line) => !after.includes(line)).length
  if (added + removed === 0) return []
  const parts = [
    ...(added === 0 ? [] : [`${added} rule${added === 1 ? '' : 's'} or chains added`]),
    ...(removed === 0 ? [] : [`${removed} rule${removed === 1 ? '' : 's'} or chains removed`]),
  ]
  return [
    {
      kind: 'rules',
      action: 'changed',
      subject: 'iptables-legacy',
      words: `somebody changed iptables-legacy: ${parts.join(', ')}`,
    },
  ]
}
