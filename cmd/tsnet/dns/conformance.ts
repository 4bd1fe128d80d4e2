/**
 * `tsnet dns conformance`: does a name server keep to the protocol?
 *
 * @module
 */

import { type CommandDefinition, textFlag } from '../command.ts'
import { engineOptionsOf } from '../options.ts'
import { writeJson } from '../print/json.ts'

const DNS_PORT = 53
const patienceMs = 1000
/** As `check` has it: something was found. */
const foundSomething = 5

export const dnsConformance: CommandDefinition = {
  path: ['dns', 'conformance'],
  summary: 'try a name server with protocol cases',
  about:
    'Sends some thirty packets to any name server, sound and damaged, over UDP and TCP, and compares what comes back with ' +
    'what the RFCs say. A case that is to be met with silence takes a second. Exit code 5 when some failed.',
  args: [{ syntax: '<address>', about: 'address of the server' }],
  groups: [
    {
      title: 'The server',
      options: [
        { flags: '--port <port>', about: 'its port (default: 53)' },
        { flags: '--known <name>', about: 'a name with an address and no MX: its answers are looked at too' },
      ],
    },
  ],
  onSignal: 'stop',
  run: async ({ args: [address = ''], flags, globals }, session) => {
    const { io, palette } = session
    const lib = await session.lib()
    const known = textFlag(flags, 'known')
    const server = lib.readAddress(address, 'ADDRESS')
    const port = lib.readPort(textFlag(flags, 'port') ?? DNS_PORT, '--port')
    const work = lib.openNames(engineOptionsOf(globals, io.env, lib)).conformance({
      address: server,
      port,
      timeoutMs: patienceMs,
      ...(known === undefined ? {} : { known: lib.readHostname(known, '--known') }),
    })
    const results = await session.waitFor(`asking ${address}`, work, 'work')
    const failed = results.filter(({ passed }) => !passed)
    if (globals.json) writeJson(io.stdout, 'dns conformance', results)
    else {
      const shown = globals.quiet ? failed : results
      for (const { name, source, expected, got, passed } of shown) {
        const verdict = passed ? 'ok  ' : palette.bold('FAIL')
        io.stdout.write(`${verdict} ${name}: ${got}${passed ? '' : `, expected ${expected} (${source})`}\n`)
      }
      if (!globals.quiet)
        io.stdout.write(`${results.length - failed.length} of ${results.length} as expected\n`)
    }
    return failed.length === 0 ? 0 : foundSomething
  },
}
