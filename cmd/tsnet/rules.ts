/**
 * `tsnet rules`.
 *
 * @module
 */

import type { CommandDefinition } from './command.ts'
import { writeJson } from './print/json.ts'
import { asLines } from './print/lines.ts'
import { renderRules } from './print/rules.ts'

export const rules: CommandDefinition = {
  path: ['rules'],
  summary: 'the packet rules that concern a container, in words, with counters',
  about:
    'Rules of tsnet and of everybody else that packets of a container, or without one of any network of tsnet, can meet: ' +
    'of nftables, iptables-nft and iptables-legacy, in the order packets meet them. A star behind a counter: it counts for ' +
    'other networks too. -v also shows each rule as its tool writes it; -q the rules alone.',
  args: [{ syntax: '[container]', about: 'name, id or pid, of any engine; none: all of tsnet' }],
  groups: [],
  onSignal: 'stop',
  run: async ({ args, globals }, session) => {
    const { io, palette } = session
    const { takeRules } = await session.lib()
    const report = await session.waitFor(
      'reading packet rules',
      takeRules(await session.inventory(), args[0]),
      'work',
    )
    if (globals.json) writeJson(io.stdout, 'rules', report)
    else if (globals.quiet) io.stdout.write(asLines(report.rules.map(({ text }) => text)))
    else io.stdout.write(renderRules(report, globals.verbose ? 'with text' : 'words', io.stdout, palette))
    return 0
  },
}
