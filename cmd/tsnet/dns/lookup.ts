/**
 * `tsnet dns query` and `tsnet dns explain`: a question as a container asks it.
 *
 * @module
 */

import type { Lookup } from '../../../lib/index.ts'
import {
  type CommandDefinition,
  type Invocation,
  type OptionGroup,
  type Session,
  textFlag,
} from '../command.ts'
import { readKnownNetwork } from '../network/known.ts'
import { engineOptionsOf } from '../options.ts'
import { writeJson } from '../print/json.ts'
import { asLines } from '../print/lines.ts'

const groups: readonly OptionGroup[] = [
  {
    title: 'Who asks, and what for',
    options: [
      {
        flags: '--from <container>',
        about: 'that container, by id or name; without it the host does',
        values: 'containers',
      },
      {
        flags: '--network <name>',
        about: 'the host asks the gateway of that network (default: any)',
        values: 'networks',
      },
      { flags: '--type <type>', about: 'A, AAAA, PTR, SRV, MX, TXT, … (default: A)' },
    ],
  },
]
const args = [{ syntax: '<name>', about: 'the name, with or without a domain' }]
/** As grep has it: nothing was found. */
const nothingFound = 1

async function ask({ args: [name = ''], flags, globals }: Invocation, session: Session): Promise<Lookup> {
  const lib = await session.lib()
  const [from, network, type] = ['from', 'network', 'type'].map((flag) => textFlag(flags, flag))
  const asked =
    network === undefined ? {} : { network: await readKnownNetwork(network, '--network', session) }
  return lib.openNames(engineOptionsOf(globals, session.io.env, lib)).lookup({
    name,
    ...(from === undefined ? {} : { from }),
    ...asked,
    ...(type === undefined ? {} : { type }),
  })
}

export const dnsQuery: CommandDefinition = {
  path: ['dns', 'query'],
  summary: 'ask for a name as a container does',
  about: 'Prints what the container would get. Exit code 1 where that is nothing.',
  args,
  groups,
  onSignal: 'stop',
  run: async (invocation, session) => {
    const found = await ask(invocation, session)
    const { stdout, stderr } = session.io
    if (invocation.globals.json) writeJson(stdout, 'dns query', found)
    else if (found.answers.length > 0) stdout.write(asLines(found.answers.map(({ data }) => data)))
    else if (!invocation.globals.quiet) stderr.write(`${found.status}\n`)
    return found.answers.length > 0 ? 0 : nothingFound
  },
}

export const dnsExplain: CommandDefinition = {
  path: ['dns', 'explain'],
  summary: 'tell who answers a name, and why',
  about: 'The whole answer a container gets, which server gave it, and why that one was asked.',
  args,
  groups,
  onSignal: 'stop',
  run: async (invocation, session) => {
    const found = await ask(invocation, session)
    const { stdout } = session.io
    if (invocation.globals.json) writeJson(stdout, 'dns explain', found)
    else if (invocation.globals.quiet) stdout.write(asLines(found.answers.map(({ data }) => data)))
    else {
      const lines = found.answers.map(
        ({ name, ttlSeconds, type, data }) => `${name} ${ttlSeconds} ${type} ${data}`,
      )
      stdout.write(asLines([`${found.status}  (${found.flags})`, `by ${found.why}`, ...lines]))
    }
    return 0
  },
}
