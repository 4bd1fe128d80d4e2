/**
 * `tsnet ping`, `tsnet dig` and `tsnet curl`: does A reach B, by B's name? The
 * host's programs, run inside A.
 *
 * @module
 */

import type { CommandDefinition } from './command.ts'
import { UsageError } from './usage.ts'

interface Asker {
  readonly program: string
  readonly summary: string
  readonly about: string
  readonly target: string
  /** Taken where the caller gives no flags. */
  readonly usual: readonly string[]
  /** What of the target is a name. */
  name(target: string): string
}

const inside =
  "The host's program, with A's network, resolv.conf and hosts. B is known by its name: by the name server of a network " +
  'both are on, else by a line in a hosts file that only this call sees. Flags of the program stand behind B, and its ' +
  'exit code is the answer.'

const askers: readonly Asker[] = [
  {
    program: 'ping',
    summary: 'ping one container from inside another, by name',
    about: `${inside} Without flags: four packets, a second apart.`,
    target: 'container, name or address',
    usual: ['-c', '4'],
    name: (target) => target,
  },
  {
    program: 'dig',
    summary: 'ask for a name from inside a container',
    about: `${inside} dig asks servers only, and does not look into hosts files.`,
    target: 'name to ask for',
    usual: [],
    name: (target) => target,
  },
  {
    program: 'curl',
    summary: 'fetch a page from inside a container, by the name of another',
    about: `${inside} Without flags: quiet but for errors, at most ten seconds.`,
    target: 'container, container:PORT/PATH, or a URL',
    usual: ['-sS', '--max-time', '10'],
    name: (target) => /^(?:\w+:\/\/)?(?:[^@/]*@)?([^:/?#]+)/.exec(target)?.[1] ?? target,
  },
]

function commandOf({ program, summary, about, target, usual, name }: Asker): CommandDefinition {
  return {
    path: [program],
    summary,
    about,
    args: [
      { syntax: '<a>', about: 'name, id or pid, of any engine', values: 'containers' },
      { syntax: '[b]', about: target, values: 'containers' },
      { syntax: '[flags...]', about: `of ${program}` },
    ],
    groups: [],
    program: { word: 'behind 1' },
    onSignal: 'stop',
    run: async ({ args, program: words }, session) => {
      const [from = ''] = args
      const [to, ...flags] = words
      if (to === undefined || to.startsWith('-'))
        throw new UsageError(
          'no target given',
          `B comes first, then flags: tsnet ${program} A B ${usual.join(' ')}`.trim(),
        )
      const lib = await session.lib()
      const { place, note } = await session.waitFor(
        'looking around',
        lib.reachOf(await session.engine(), from, name(to)),
        'work',
      )
      if (note !== undefined && session.io.stderr.isTTY) session.io.stderr.write(`tsnet: ${note}\n`)
      const argv: [string, ...string[]] = [program, ...(flags.length === 0 ? usual : flags), to]
      return lib.becomeInside({ ...place, argv, env: { TSNET_CONTAINER: place.name } })
    },
  }
}

export const reachCommands: readonly CommandDefinition[] = askers.map(commandOf)
