/**
 * `tsnet capture`.
 *
 * @module
 */

import { closeSync, openSync, writeSync } from 'node:fs'
import type { Capture } from '../../lib/index.ts'
import { type CommandDefinition, type Invocation, type Session, textFlag } from './command.ts'
import { follow, limitFlag, limitOptions, orAborted, untilWhen } from './follow.ts'
import type { Output } from './io.ts'
import { jsonLine } from './print/json.ts'
import { packetLine } from './print/packet.ts'
import { UsageError } from './usage.ts'

const mostBytes = 65_535

export const capture: CommandDefinition = {
  path: ['capture'],
  summary: 'packets of a container, readable or as a pcap file',
  about:
    "Shows packets as they pass a container's interface, with names for addresses; tcpdump is not needed, and nothing in " +
    'the container changes. It goes on until Ctrl-C, --count packets or --seconds. --write puts them into a pcap file ' +
    '(- is standard output, as for wireshark -k -i -). --json is one document a line.\n' +
    'The filter is a part of that of tcpdump, and the kernel applies it: tcp, udp, sctp, icmp, arp, ip, ip6; host X, net ' +
    'PREFIX, port N, portrange N-M, each with src or dst before it; and, or, not, parentheses. X may be the name of a ' +
    'container.',
  args: [
    { syntax: '<container>', about: 'name, id or pid, of any engine; host is this host' },
    { syntax: '[filter...]', about: 'such as: tcp port 80 and not host db; none: everything' },
  ],
  groups: [
    {
      title: 'Options',
      options: [
        {
          flags: '-i, --interface <name>',
          about: 'any is all but lo (default: the only one it has, else any)',
        },
        { flags: '-w, --write <file>', about: 'a pcap file; - is standard output' },
        ...limitOptions('packets'),
        { flags: '--snap <bytes>', about: 'keep only so much of each packet, 64 to 65535 (default: 65535)' },
      ],
    },
  ],
  onSignal: 'end',
  run: async (invocation, session) => {
    const { args, flags, globals } = invocation
    const [container = '', ...words] = args
    const { io } = session
    const write = textFlag(flags, 'write')
    if (write === '-' && io.stdout.isTTY)
      throw new UsageError(
        'a pcap file is nothing for a terminal',
        'give a file, or a pipe: … | wireshark -k -i -',
      )
    const limits = {
      count: limitFlag(flags, 'count') ?? Number.POSITIVE_INFINITY,
      seconds: limitFlag(flags, 'seconds'),
    }
    const ifname = textFlag(flags, 'interface')
    const { openCapture } = await session.lib()
    const running = openCapture(await session.inventory(), {
      container,
      filter: words.join(' '),
      ...(ifname === undefined ? {} : { ifname }),
      snapBytes: limitFlag(flags, 'snap', { least: 64, most: mostBytes }) ?? mostBytes,
    })
    try {
      if (!globals.quiet && io.stderr.isTTY)
        io.stderr.write(`tsnet: packets of ${running.name} on ${running.ifname}, ${untilWhen(limits)}\n`)
      if (write === undefined)
        return await watch(running, limits, lines(running, invocation, session), session)
      using file = write === '-' ? pcapStream(running, session) : pcapFile(write, running, session)
      return await watch(running, limits, file.put, session)
    } finally {
      running.close()
    }
  },
}

/** What is returned waits for the reader. */
type Put = (packet: ReturnType<Capture['read']>[number]) => Promise<void> | undefined

interface Pcap extends Disposable {
  readonly put: Put
}

interface Limits {
  readonly count: number
  readonly seconds: number | undefined
}

async function watch(
  running: Capture,
  { count, seconds }: Limits,
  put: Put,
  session: Session,
): Promise<number> {
  let seen = 0
  const code = await follow(
    session,
    { everyMs: 20, ...(seconds === undefined ? {} : { seconds }) },
    async () => {
      let taken: ReturnType<Put>
      for (const packet of running.read()) {
        if (seen >= count) return 'done'
        taken = put(packet)
        seen++
      }
      // The kernel keeps what comes meanwhile, and counts what it has no room for.
      if (taken !== undefined) await orAborted(taken, session.abortSignal())
      if (seen >= count) return 'done'
      if (!running.gone()) return 'more'
      const { fail } = await session.lib()
      throw fail('TSNET_NO_SUCH_CONTAINER', {
        message: `capturing packets of ${running.name}: its network namespace is gone`,
        field: 'container',
        value: running.name,
        hint: `${seen} packets were captured before that`,
      })
    },
  )
  const lost = running.lost()
  if (lost > 0)
    session.io.stderr.write(`tsnet: ${lost} packets came too fast and are missing; a filter helps\n`)
  return code
}

function lines(running: Capture, { globals }: Invocation, { io, palette }: Session): Put {
  return (packet) => {
    const view = running.view(packet)
    const shown = globals.json ? jsonLine('capture', view) : packetLine(view, running.names, palette)
    return putText(io.stdout, `${shown}\n`)
  }
}

/** Waits for a reader that is slower than the packets: else all of them would lie in memory. */
const putText = (stdout: Output, text: string): ReturnType<Put> =>
  stdout.put === undefined ? void stdout.write(text) : stdout.put(Buffer.from(text))

/** Standard output: through its stream, for a pipe of Node's takes 64 KiB and then throws. */
function pcapStream(running: Capture, { io: { stdout } }: Session): Pcap {
  const put = async (bytes: Uint8Array): Promise<void> => stdout.put?.(bytes)
  void put(running.pcapHeader)
  return { put: (packet) => put(running.pcap(packet)), [Symbol.dispose]: () => undefined }
}

function pcapFile(path: string, running: Capture, { io }: Session): Pcap {
  const fd = open(path)
  const put = (bytes: Uint8Array): void => {
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at)
  }
  put(running.pcapHeader)
  return {
    put: (packet) => {
      put(running.pcap(packet))
      return undefined
    },
    [Symbol.dispose]: () => {
      closeSync(fd)
      if (io.stderr.isTTY) io.stderr.write(`tsnet: written to ${path}\n`)
    },
  }
}

function open(path: string): number {
  try {
    return openSync(path, 'w')
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^\w+: /, '') : String(error)
    throw new UsageError(`${path} cannot be written: ${why}`, 'give another file for --write')
  }
}
