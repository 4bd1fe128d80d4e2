/**
 * `tsnet dns route`: which servers are asked for which domain.
 *
 * @module
 */

import type { NameRoute } from '../../../lib/index.ts'
import {
  type CommandDefinition,
  type Flags,
  type Lib,
  type Session,
  switchFlag,
  textFlag,
} from '../command.ts'
import { readKnownNetwork } from '../network/known.ts'
import { engineOptionsOf } from '../options.ts'
import { writeJson } from '../print/json.ts'
import { asLines } from '../print/lines.ts'
import { renderNameRoutes } from '../print/nameroutes.ts'
import { UsageError } from '../usage.ts'

export const dnsRoute: CommandDefinition = {
  path: ['dns', 'route'],
  summary: 'ask other servers for a domain',
  about:
    'DOMAIN=SERVER[,SERVER…] sends questions for that domain and all below it to those servers: of every container, or ' +
    'of one network or container, which may come later. The longest domain wins; of equals the container, then the ' +
    'network. In effect at once, and until removed. Without an argument it lists what is set.',
  args: [{ syntax: '[route]', about: 'DOMAIN=SERVER[,SERVER…]; with --remove the domain alone' }],
  groups: [
    {
      title: 'Whose questions',
      options: [
        { flags: '--network <name>', about: 'those of containers on that network', values: 'networks' },
        {
          flags: '--container <container>',
          about: 'those of the container with that id or name',
          values: 'containers',
        },
        { flags: '--remove', about: 'no longer' },
      ],
    },
  ],
  onSignal: 'finish',
  run: async ({ args: [word], flags, globals }, session) => {
    const { io, palette } = session
    if (word === undefined && switchFlag(flags, 'remove'))
      throw new UsageError('no domain given', 'tsnet dns route corp.example --remove')
    const lib = await session.lib()
    const owner = await readOwner(flags, session)
    const route =
      word === undefined ? undefined : readRoute(word, owner, { remove: switchFlag(flags, 'remove'), lib })
    const names = lib.openNames(engineOptionsOf(globals, io.env, lib))
    if (route !== undefined) {
      const others = names.routes().filter((other) => !isSame(other, route))
      await names.setRoutes(route.servers.length === 0 ? others : [...others, route])
    }
    const routes = names.routes()
    if (globals.json) writeJson(io.stdout, 'dns route', routes)
    else if (globals.quiet) io.stdout.write(asLines(routes.map(({ domain }) => domain)))
    else io.stdout.write(renderNameRoutes(routes, io.stdout, palette))
    return 0
  },
}

/** @throws UsageError, TSNET_BAD_VALUE (invalid) */
async function readOwner(flags: Flags, session: Session): Promise<Pick<NameRoute, 'network' | 'container'>> {
  const [network, container] = [textFlag(flags, 'network'), textFlag(flags, 'container')]
  if (network !== undefined && container !== undefined) {
    throw new UsageError('a route is for a network or for a container', 'give --network or --container')
  }
  const { readContainerName } = await session.lib()
  return {
    ...(network === undefined ? {} : { network: await readKnownNetwork(network, '--network', session) }),
    ...(container === undefined ? {} : { container: readContainerName(container, '--container') }),
  }
}

function readRoute(
  word: string,
  owner: Pick<NameRoute, 'network' | 'container'>,
  { remove, lib }: { readonly remove: boolean; readonly lib: Lib },
): NameRoute {
  const [domain = '', servers, rest] = word.split('=')
  if (rest !== undefined || (servers === undefined) !== remove) {
    const hint = remove ? 'tsnet dns route corp.example --remove' : 'tsnet dns route corp.example=10.1.1.53'
    throw new UsageError(`"${word}" is no route`, hint)
  }
  return {
    domain: lib.readHostname(domain.replace(/\.$/, ''), 'ROUTE').toLowerCase(),
    servers: (servers?.split(',') ?? []).map((server) => lib.readAddress(server, 'ROUTE')),
    ...owner,
  }
}

function isSame(a: NameRoute, b: NameRoute): boolean {
  return a.domain === b.domain && a.network === b.network && a.container === b.container
}
