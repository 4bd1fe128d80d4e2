/**
 * `tsnet ns link`.
 *
 * @module
 */

import { type CommandDefinition, switchFlag } from '../command.ts'
import { writeJson } from '../print/json.ts'
import { asLines } from '../print/lines.ts'

export const nsLink: CommandDefinition = {
  path: ['ns', 'link'],
  summary: 'show namespaces to ip netns',
  about:
    'Makes a symbolic link in /run/netns for each, or for every namespace that ip netns does not know yet, under ' +
    'the name of its container. Links keep nothing alive: when a container ends its link leads nowhere, and goes with ' +
    'the next ns link. --undo takes away what ns link has made, and nothing else.',
  args: [{ syntax: '[containers...]', about: 'names or ids; none: all' }],
  groups: [{ title: 'Options', options: [{ flags: '--undo', about: 'take the links away again' }] }],
  onSignal: 'finish',
  run: async ({ args, flags, globals }, session) => {
    const { stdout } = session.io
    const { linkNamespaces, unlinkNamespaces } = await session.lib()
    const inventory = await session.inventory()
    const report = (switchFlag(flags, 'undo') ? unlinkNamespaces : linkNamespaces)(inventory, args)
    if (globals.json) writeJson(stdout, 'ns link', report)
    else if (globals.quiet) stdout.write(asLines(report.added.map(({ name }) => name)))
    else {
      const lines = [
        ...report.removed.map((name) => `removed ${name}`),
        ...report.added.map(({ name, namespace }) => `linked ${name} to net:[${namespace}]`),
      ]
      stdout.write(`${lines.length === 0 ? 'nothing to do' : lines.join('\n')}\n`)
    }
    return 0
  },
}
