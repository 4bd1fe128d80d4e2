/**
 * `tsnet firewall reload`: puts back what somebody has flushed, by hand.
 *
 * @module
 */

import type { CommandDefinition } from '../command.ts'
import { writeJson } from '../print/json.ts'

export const firewallReload: CommandDefinition = {
  path: ['firewall', 'reload'],
  summary: "put back tsnet's packet rules that somebody has flushed",
  about:
    'Compares the packet rules of all networks, containers and published ports with the kernel and puts back what is ' +
    'missing, iptables and nftables, in one transaction for each tool; nothing happens where all is there. Rules of others are ' +
    'left as they are. Where tsnetd runs ("tsnet daemon start"; the plugins of engines start it by themselves) it does the same ' +
    'by itself, a moment after somebody else has changed rules, and its log says who: "tsnet daemon logs".',
  args: [],
  groups: [],
  onSignal: 'finish',
  run: async ({ globals }, session) => {
    const engine = await session.engine()
    const rules = await session.waitFor('putting rules back', engine.reapplyRules())
    const { stdout } = session.io
    if (globals.json) writeJson(stdout, 'firewall reload', { rules })
    else if (!globals.quiet) stdout.write(`${told(rules)}\n`)
    return 0
  },
}

function told(rules: number): string {
  if (rules === 0) return 'nothing was missing'
  return `put back ${rules} group${rules === 1 ? '' : 's'} of packet rules`
}
