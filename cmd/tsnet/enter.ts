/**
 * `tsnet exec`, `tsnet sh` and `tsnet nsenter`: the host's tools in a
 * container's network. This process becomes the program.
 *
 * @module
 */

import type { Place } from '../../lib/index.ts'
import { type CommandDefinition, type Invocation, type Session, switchFlag, textFlag } from './command.ts'
import { sandboxOf, sandboxOptions } from './options.ts'
import { UsageError } from './usage.ts'

const whichOptions = { title: 'Which namespace (CONTAINER, or one of)', options: sandboxOptions.options }
const whichFlags = ['--netns', '--pid', '--name']

export const exec: CommandDefinition = {
  path: ['exec'],
  summary: "run one of the host's programs in a container's network",
  about:
    "Interfaces, routes, sockets and /sys are the container's, and so are resolv.conf and hosts as far as they are " +
    'known; programs and all other files are those of the host. Containers of any engine: tsnet ns ls lists them. ' +
    "The exit code is the program's.",
  args: [
    { syntax: '[container]', about: 'name, id or pid' },
    { syntax: '[program...]', about: 'with its own flags; behind -- where it could be mistaken' },
  ],
  groups: [whichOptions],
  program: { word: 2, unless: whichFlags },
  onSignal: 'stop',
  run: async (invocation, session) => {
    const [program, ...words] = invocation.program
    if (program === undefined)
      throw new UsageError('no program given', 'such as: tsnet exec web -- ip addr; tsnet sh opens a shell')
    return become(await chosen(invocation, session), [program, ...words], session)
  },
}

export const sh: CommandDefinition = {
  path: ['sh'],
  summary: "a shell in a container's network",
  about:
    "Your own shell, SHELL or /bin/sh, with the host's files and the container's network, resolv.conf and hosts. " +
    'TSNET_CONTAINER names the container, for your prompt. What follows CONTAINER is handed to the shell.',
  args: [
    { syntax: '[container]', about: 'name, id or pid' },
    { syntax: '[arguments...]', about: "of the shell, behind --, such as -- -c 'ip addr'" },
  ],
  groups: [whichOptions],
  program: { word: 2, unless: whichFlags },
  onSignal: 'stop',
  run: async (invocation, session) => {
    const shell = session.io.env['SHELL'] || '/bin/sh'
    return become(await chosen(invocation, session), [shell, ...invocation.program], session)
  },
}

/** Flags of nsenter(1) that ask for namespaces only it can enter. */
const others: readonly (readonly [short: string, long: string, about: string])[] = [
  ['m', 'mount', 'its files too'],
  ['u', 'uts', 'its host name too'],
  ['i', 'ipc', 'its System V IPC too'],
  ['p', 'pid', 'its processes too'],
  ['C', 'cgroup', 'its cgroups too'],
  ['U', 'user', 'its users too'],
  ['T', 'time', 'its clocks too'],
  ['a', 'all', 'all its namespaces'],
]

export const nsenter: CommandDefinition = {
  path: ['nsenter'],
  summary: 'the same, as nsenter(1) spells it',
  about:
    "What nsenter does with these flags, and nothing more: the files are the host's, resolv.conf too. The target may " +
    'also be a name or id of a container. Flags for other namespaces are handed to nsenter(1).',
  args: [{ syntax: '[program...]', about: 'with its own flags; none: your shell' }],
  groups: [
    {
      title: 'Options',
      options: [
        { flags: '-t, --target <pid>', about: 'a process, or the name or id of a container' },
        { flags: '-n, --net [file]', about: 'its network, or that of FILE (-n/path, --net=/path)' },
        ...others.map(([short, long, about]) => ({ flags: `-${short}, --${long}`, about })),
      ],
    },
  ],
  program: { word: 1 },
  onSignal: 'stop',
  run: async ({ flags, program }, session) => {
    const lib = await session.lib()
    const target = textFlag(flags, 'target')
    const net = flags['net']
    const more = others.filter(([, long]) => switchFlag(flags, long))
    if (net === undefined && more.length === 0)
      throw new UsageError('no namespace given', '-n is the network: tsnet nsenter -t PID -n ip addr')
    if (target === undefined && (typeof net !== 'string' || more.length > 0))
      throw new UsageError('no target given', 'give -t PID, or the name of a container')
    const path = typeof net === 'string' ? net : (await placeOfTarget(target ?? '', session)).path
    const shell = session.io.env['SHELL'] || '/bin/sh'
    const [first = shell, ...words] = program
    if (more.length === 0) lib.becomeInside({ path, argv: [first, ...words], files: [], env: {} })
    const pid = /^\/proc\/([0-9]+)\//.exec(path)?.[1] ?? target ?? ''
    const kinds = more.map(([, long]) => `--${long}`)
    const network = net === undefined ? [] : [`--net=${path}`]
    return lib.becomeProgram(['nsenter', `--target=${pid}`, ...kinds, ...network, '--', first, ...words])
  },
}

async function placeOfTarget(target: string, session: Session): Promise<Place> {
  const lib = await session.lib()
  if (/^[0-9]+$/.test(target)) return lib.placeAt(`/proc/${target}/ns/net`)
  return session.waitFor('looking around', lib.placeOf(await session.engine(), target), 'work')
}

async function chosen({ args, flags }: Invocation, session: Session): Promise<Place> {
  const lib = await session.lib()
  const sandbox = sandboxOf(flags, lib)
  if (sandbox !== undefined) return lib.placeAt(sandbox.path)
  const [container] = args
  if (container === undefined)
    throw new UsageError('no container given', 'give its name or id, or --pid, --netns or --name')
  return session.waitFor('looking around', lib.placeOf(await session.engine(), container), 'work')
}

async function become(place: Place, argv: readonly [string, ...string[]], session: Session): Promise<number> {
  const { becomeInside } = await session.lib()
  const { path, files, name } = place
  return becomeInside({ path, argv, files, env: { TSNET_CONTAINER: name } })
}
