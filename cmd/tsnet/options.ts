/**
 * Flags that several commands share, and what they mean together with the
 * environment.
 *
 * @module
 */

import { resolve } from 'node:path'
import type { FirewallBackend, OpenOptions, Sandbox, Selector } from '../../lib/index.ts'
import type { Flags, GlobalFlags, Invocation, OptionDefinition, OptionGroup, VerbLib } from './command.ts'
import { textFlag } from './command.ts'
import type { Io } from './io.ts'
import { UsageError } from './usage.ts'

/** Taken before and behind the command's name. */
export const globalOptions: readonly OptionDefinition[] = [
  {
    flags: '--state-dir <dir>',
    about:
      'keep everything below DIR; also TSNET_STATE_DIR (default: /run/tsnet, networks in /var/lib/tsnet)',
  },
  {
    flags: '--firewall <backend>',
    about: 'iptables, nftables or none, for what is made now; also TSNET_FIREWALL, or /etc/tsnet/config.json',
    values: ['iptables', 'nftables', 'none'],
  },
  {
    flags: '--json',
    about: 'print one JSON document, see tsnet help --schema; errors too, on standard error',
  },
  {
    flags: '-q, --quiet',
    about: 'print ids and names only, one a line; what has none, such as ports and scripts, stays',
  },
  { flags: '-v, --verbose', about: 'tell each step on standard error as it is applied' },
]

/** Flags whose value is the path of something that is opened, but for files that are read through `Io`. */
const pathFlags = ['netns', 'resolvConf', 'hosts', 'socket'] as const

/** Relative paths start at the caller's folder, which is not the process's own where the daemon does the work. */
export function withCallersPaths(invocation: Invocation, { cwd }: Io): Invocation {
  if (cwd === undefined) return invocation
  const { flags, globals } = invocation
  const given = pathFlags.flatMap((name) => {
    const path = textFlag(flags, name)
    return path === undefined || path === '' ? [] : [[name, resolve(cwd, path)] as const]
  })
  const { stateDir } = globals
  return {
    ...invocation,
    flags: { ...flags, ...Object.fromEntries(given) },
    globals: stateDir === undefined ? globals : { ...globals, stateDir: resolve(cwd, stateDir) },
  }
}

/** Which namespace, of setup and plan. */
export const sandboxOptions: OptionGroup = {
  title: 'Which namespace (one of; not needed with --network host and container:ID)',
  options: [
    { flags: '--netns <path>', about: 'its file, such as /proc/PID/ns/net' },
    { flags: '--pid <pid>', about: 'the one that process lives in' },
    { flags: '--name <name>', about: '/run/netns/NAME, as made by ip netns add' },
  ],
}

/** Which container, of commands that look into the records. */
export const selectorOptions: OptionGroup = {
  title: 'Which container (one of: CONTAINER, or)',
  options: [
    { flags: '--id <id>', about: 'the id given at setup', values: 'containers' },
    { flags: '--container-name <name>', about: 'the name given at setup', values: 'containers' },
    ...sandboxOptions.options,
  ],
}

/** @throws TSNET_BAD_VALUE (invalid) */
export function engineOptionsOf(globals: GlobalFlags, env: Io['env'], lib: VerbLib): OpenOptions {
  const stateDir = globals.stateDir ?? env['TSNET_STATE_DIR']
  const firewall = firewallOf(globals, lib) ?? backendOf(env['TSNET_FIREWALL'], 'TSNET_FIREWALL', lib)
  return {
    ...(stateDir === undefined || stateDir === '' ? {} : { stateDir: resolve(stateDir) }),
    ...(firewall === undefined ? {} : { firewall }),
    ...viaOf(env, lib),
  }
}

/** `TSNET_VIA` and `TSNET_SOCKET`; the launcher knows them too. */
function viaOf(env: Io['env'], lib: VerbLib): Pick<OpenOptions, 'via' | 'socket'> {
  const [via, socket] = [env['TSNET_VIA'] ?? '', env['TSNET_SOCKET'] ?? '']
  if (via !== '' && via !== 'auto' && via !== 'local' && via !== 'daemon') {
    const message = `reading TSNET_VIA: "${via}" is no way to the engine`
    const hint = 'use auto, local or daemon'
    throw lib.fail('TSNET_BAD_VALUE', { field: 'TSNET_VIA', value: via, message, hint })
  }
  return { ...(via === '' ? {} : { via }), ...(socket === '' ? {} : { socket: resolve(socket) }) }
}

/** The backend of `--firewall`. @throws TSNET_BAD_VALUE (invalid) */
export function firewallOf(globals: GlobalFlags, lib: VerbLib): FirewallBackend | undefined {
  return backendOf(globals.firewall, '--firewall', lib)
}

function backendOf(text: string | undefined, field: string, lib: VerbLib): FirewallBackend | undefined {
  if (text === undefined || text === '') return undefined
  if (text === 'iptables' || text === 'nftables' || text === 'none') return text
  const message = `reading ${field}: "${text}" is no firewall backend`
  throw lib.fail('TSNET_BAD_VALUE', { field, value: text, message, hint: 'use iptables, nftables or none' })
}

/**
 * The namespace of `--netns`, `--pid` or `--name`, undefined where none is given.
 *
 * @throws TSNET_BAD_VALUE (invalid)
 */
export function sandboxOf(flags: Flags, lib: VerbLib): Sandbox | undefined {
  const path = textFlag(flags, 'netns')
  const pid = textFlag(flags, 'pid')
  const name = textFlag(flags, 'name')
  if (path === undefined && pid === undefined && name === undefined) return undefined
  const field = path !== undefined ? '--netns' : pid !== undefined ? '--pid' : '--name'
  return lib.readSandbox({ path: path === undefined ? undefined : resolve(path), pid, name }, field)
}

/**
 * The container a command is about.
 *
 * @param words the command's arguments: none, or one id or name
 * @returns undefined where nothing selects one
 * @throws UsageError where several things do, TSNET_BAD_VALUE (invalid)
 */
export function selectorOf(words: readonly string[], flags: Flags, lib: VerbLib): Selector | undefined {
  const named = (name: string, field: string): string | undefined => {
    const text = textFlag(flags, name)
    return text === undefined ? undefined : lib.readContainerName(text, field)
  }
  const container = [words[0], named('id', '--id'), named('containerName', '--container-name')].filter(
    (one) => one !== undefined,
  )
  const sandbox = sandboxOf(flags, lib)
  if (container.length + (sandbox === undefined ? 0 : 1) > 1) {
    throw new UsageError(
      'the container is selected in several ways',
      'give one of CONTAINER, --id, --container-name, --netns, --pid, --name',
    )
  }
  if (sandbox !== undefined) return { sandboxPath: sandbox.path }
  return container[0] === undefined ? undefined : { container: container[0] }
}

/** @throws UsageError where nothing selects a container */
export function requireSelector(words: readonly string[], flags: Flags, lib: VerbLib): Selector {
  const selector = selectorOf(words, flags, lib)
  if (selector !== undefined) return selector
  throw new UsageError(
    'no container given',
    'give its id or name, or --netns, --pid or --name; tsnet ls lists what is set up',
  )
}

/**
 * Of a command that is about several: each word is one container.
 *
 * @throws UsageError where nothing selects one, or a flag does beside several words
 */
export function requireSelectors(words: readonly string[], flags: Flags, lib: VerbLib): readonly Selector[] {
  if (words.length < 2 || selectorOf([], flags, lib) !== undefined)
    return [requireSelector(words, flags, lib)]
  return [...new Set(words)].map((container) => ({ container }))
}
