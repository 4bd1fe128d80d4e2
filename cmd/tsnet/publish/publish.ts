/**
 * `tsnet publish add | rm | ls`: ports of running containers.
 *
 * @module
 */

import type { ContainerNetwork, PortBinding, PortMapping } from '../../../lib/index.ts'
import type { CommandDefinition, Invocation, Lib } from '../command.ts'
import { writeJson } from '../print/json.ts'
import { asLines } from '../print/lines.ts'
import { publishedLine } from '../print/ports.ts'
import { renderTable } from '../print/table.ts'

const portAbout = '[HOSTIP:][HOSTPORT[-END]:]PORT[-END][/PROTO]; without a host port one is chosen'

export const publishAdd: CommandDefinition = {
  path: ['publish', 'add'],
  summary: 'publish ports of a running container',
  about:
    'The container goes on undisturbed, and so do connections through its other ports. The ports lead to the network ' +
    'that carries its default route. A port that is published already stays as it is. Added ports last until ' +
    'the container is set up again: after docker restart only those of docker run are left.\n' +
    'A container that another engine has connected (docker0, podman0) keeps what it has and joins the default network for ' +
    'this, until its last port is gone; for another network run "tsnet network connect" first.',
  args: [
    { syntax: '<container>', about: 'id or name; of other engines also a pid' },
    { syntax: '<ports...>', about: portAbout },
  ],
  groups: [],
  onSignal: 'finish',
  run: async (invocation, session) => {
    const lib = await session.lib()
    const { selector, mappings } = await read(invocation, lib)
    const engine = await session.engine()
    const { bindings, container, joined } = await session.waitFor(
      'publishing',
      lib.publishAny(engine, selector, mappings, { signal: session.abortSignal() }),
    )
    const { json, quiet } = invocation.globals
    if (joined && !json && !quiet) session.io.stderr.write(joinedLine(container))
    const { stdout } = session.io
    if (invocation.globals.json) writeJson(stdout, 'publish add', bindings)
    else stdout.write(linesOf(container, bindings, lib))
    return 0
  },
}

export const publishRm: CommandDefinition = {
  path: ['publish', 'rm'],
  summary: 'take published ports of a running container away',
  about:
    'No new connection can be opened through them; TCP connections that are open go on until they end. PORT without a ' +
    'host port means every host port that leads to it. A port that is not published is no error.',
  args: [
    { syntax: '<container>', about: 'id or name' },
    { syntax: '<ports...>', about: 'as given to publish add, or the port of the container alone' },
  ],
  groups: [],
  onSignal: 'finish',
  run: async (invocation, session) => {
    const lib = await session.lib()
    const { selector: word, mappings } = await read(invocation, lib)
    const engine = await session.engine()
    const selector = await lib.selectKnown(engine, word)
    const before = await engine.inspect(selector)
    const gone = await session.waitFor(
      'closing ports',
      engine.unpublish(selector, mappings, { signal: session.abortSignal() }),
    )
    const { stdout } = session.io
    if (invocation.globals.json) writeJson(stdout, 'publish rm', gone)
    else if (gone.length > 0) stdout.write(linesOf(before, gone, lib))
    else if (!invocation.globals.quiet) stdout.write(notPublished(before, lib))
    return 0
  },
}

/** On whose network the ports are: the container's own is another engine's. */
function joinedLine({ container: { name, id }, attachments: [on] }: ContainerNetwork): string {
  return `tsnet: ${name ?? id} is on network ${on?.network} for this, as ${on?.ifname} with ${on?.addresses.join(' and ')}\n`
}

function notPublished({ container, attachments }: ContainerNetwork, { openPorts }: Lib): string {
  const there = attachments.flatMap(openPorts).map(publishedLine)
  const name = container.name ?? container.id
  return `${name} does not publish that; it publishes ${there.length === 0 ? 'nothing' : there.join(', ')}\n`
}

export const publishLs: CommandDefinition = {
  path: ['publish', 'ls'],
  summary: 'published ports of one container or of all',
  about: 'One line for each address, port and container.',
  args: [{ syntax: '[container]', about: 'id or name' }],
  groups: [],
  onSignal: 'stop',
  run: async ({ args, globals }, session) => {
    const engine = await session.engine()
    const lib = await session.lib()
    const [container] = args
    const records =
      container === undefined ? await engine.list() : [await lib.inspectAny(engine, { container })]
    const { stdout } = session.io
    const published = records.flatMap((record) =>
      record.attachments.flatMap((attachment) =>
        attachment.ports.map((binding) => ({ record, attachment, binding })),
      ),
    )
    if (globals.json) {
      writeJson(
        stdout,
        'publish ls',
        published.map(({ record, attachment: { network, ifname }, binding }) => ({
          container: record.container.id,
          ...(record.container.name === undefined ? {} : { name: record.container.name }),
          network,
          ifname,
          ...binding,
        })),
      )
      return 0
    }
    const rows = published.flatMap(({ record, attachment, binding }) =>
      lib
        .openPorts({ ...attachment, ports: [binding] })
        .map((open) => [
          [record.container.name ?? record.container.id.slice(0, 12)],
          [open.at],
          [open.container],
          [attachment.network],
        ]),
    )
    const columns = [
      { title: 'CONTAINER', mayShorten: true },
      { title: 'HOST' },
      { title: 'PORT' },
      { title: 'NETWORK' },
    ]
    if (globals.quiet) stdout.write(asLines(rows.map(([, host]) => `${host?.[0]}`)))
    else stdout.write(renderTable(columns, rows, stdout, session.palette))
    return 0
  },
}

async function read(
  { args }: Invocation,
  lib: Lib,
): Promise<{ readonly selector: { readonly container: string }; readonly mappings: readonly PortMapping[] }> {
  const [container = '', ...ports] = args
  return {
    selector: { container: lib.readContainerName(container, 'CONTAINER') },
    mappings: ports.map((port) => lib.parsePublish(port, 'PORTS')),
  }
}

/** Of these bindings, as packets go. */
function linesOf(
  { attachments }: ContainerNetwork,
  bindings: readonly PortBinding[],
  { openPorts }: Lib,
): string {
  const same = (one: PortBinding, other: PortBinding): boolean =>
    one.hostPort === other.hostPort &&
    one.protocol === other.protocol &&
    one.hostAddress === other.hostAddress
  const open = attachments.flatMap((attachment) => {
    const ports = attachment.ports.filter((port) => bindings.some((binding) => same(port, binding)))
    return openPorts({ ...attachment, ports })
  })
  return asLines(open.map(publishedLine))
}
