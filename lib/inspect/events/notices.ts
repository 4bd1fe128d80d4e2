/**
 * What the kernel announced, in words. Pure but for the links it remembers:
 * announcements of a link repeat all of it, and only what differs is an event.
 *
 * @module
 */

import type { LinkNotice, Notice, RulesChange } from '../../kernel/look/notices.ts'
import type { Told } from './event.ts'

/** Links known by index. */
export type KnownLinks = Map<number, LinkNotice>

export function noticeEvents(notices: readonly Notice[], links: KnownLinks): readonly Told[] {
  return notices.flatMap((notice) => eventsOf(notice, links))
}

function eventsOf(notice: Notice, links: KnownLinks): readonly Told[] {
  const nameOf = (index: number | undefined): string =>
    index === undefined ? '' : (links.get(index)?.name ?? `interface ${index}`)
  switch (notice.what) {
    case 'link':
      return linkEvents(notice.link, notice.gone, links)
    case 'address': {
      const subject = nameOf(notice.index)
      // Each link has one of those, and gets and loses it with the link.
      if (notice.cidr.startsWith('fe80:')) return []
      const words = notice.gone ? `${subject} has lost ${notice.cidr}` : `${subject} has got ${notice.cidr}`
      return [{ kind: 'address', action: notice.gone ? 'removed' : 'added', subject, words }]
    }
    case 'route': {
      const { to, via, index } = notice.route
      if (to.startsWith('fe80:') || to.startsWith('ff00:')) return []
      const way = [
        via === undefined ? '' : ` by ${via}`,
        index === undefined ? '' : ` over ${nameOf(index)}`,
      ].join('')
      const target = to.endsWith('/0')
        ? `the default route${to.includes(':') ? ' (IPv6)' : ''}`
        : `the route to ${to}`
      const words = `${target}${way} is ${notice.gone ? 'gone' : 'there'}`
      return [{ kind: 'route', action: notice.gone ? 'removed' : 'added', subject: to, words }]
    }
    case 'rules':
      return rulesEvents(notice)
    case 'lost':
      return [
        {
          kind: 'lost',
          action: 'changed',
          subject: 'events',
          words: 'more happened at once than could be noted: some events are missing',
        },
      ]
  }
}

function linkEvents(link: LinkNotice, gone: boolean, links: KnownLinks): readonly Told[] {
  const before = links.get(link.index)
  const subject = link.name
  const about = (action: Told['action'], words: string): Told => ({ kind: 'link', action, subject, words })
  if (gone) {
    links.delete(link.index)
    return [about('removed', `${subject} is gone`)]
  }
  links.set(link.index, link)
  const masterOf = ({ master }: LinkNotice): string | undefined =>
    master === undefined ? undefined : (links.get(master)?.name ?? `interface ${master}`)
  if (before === undefined) {
    const kind = link.kind === '' ? '' : ` (${link.kind})`
    const master = masterOf(link)
    return [about('added', `${subject}${kind} is there${master === undefined ? '' : `, in ${master}`}`)]
  }
  const [old, now] = [masterOf(before), masterOf(link)]
  return [
    ...(before.name === link.name ? [] : [about('changed', `${before.name} is now called ${link.name}`)]),
    ...(before.up === link.up ? [] : [about('changed', `${subject} is ${link.up ? 'up' : 'down'}`)]),
    ...(old === now
      ? []
      : [about('changed', now === undefined ? `${subject} is out of ${old}` : `${subject} is in ${now}`)]),
  ]
}

/** One for each table a transaction touched. */
function rulesEvents({ changes, pid, program }: Extract<Notice, { what: 'rules' }>): readonly Told[] {
  const tables = [...new Set(changes.map(({ table }) => table))]
  return tables.map((table): Told => {
    const own = changes.filter((change) => change.table === table)
    const actions = [...new Set(own.map(({ action }) => action))]
    const [only] = actions
    return {
      kind: 'rules',
      action: actions.length === 1 && only !== undefined ? only : 'changed',
      subject: table,
      words: `${program === '' ? 'somebody' : `${program} (${pid})`} changed table ${table}: ${summary(own)}`,
      by: { pid, program },
    }
  })
}

/** `2 rules removed from forward, 1 element added to ports4`. */
function summary(changes: readonly RulesChange[]): string {
  const counts = new Map<string, { readonly change: RulesChange; count: number }>()
  for (const change of changes) {
    const within = change.object === 'rule' || change.object === 'element'
    const key = `${change.action} ${change.object} ${within ? change.name : ''}`
    const known = counts.get(key) ?? { change, count: 0 }
    known.count++
    counts.set(key, known)
  }
  const parts = [...counts.values()].map(({ change: { action, object, name }, count }) => {
    const what = object === 'table' ? 'table' : `${count} ${object}${count === 1 ? '' : 's'}`
    const within =
      object === 'rule' || object === 'element' ? ` ${action === 'added' ? 'to' : 'from'} ${name}` : ''
    return `${what} ${action}${within}`
  })
  const shown = parts.slice(0, 4)
  return [...shown, ...(parts.length > shown.length ? [`and ${parts.length - shown.length} more`] : [])].join(
    ', ',
  )
}
