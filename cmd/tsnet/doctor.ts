/**
 * `tsnet doctor`.
 *
 * @module
 */

import type { Ailment, Mended } from '../../lib/index.ts'
import { type CommandDefinition, switchFlag } from './command.ts'
import { writeJson } from './print/json.ts'
import { wrap } from './print/layout.ts'
import { asLines } from './print/lines.ts'
import type { Palette } from './print/paint.ts'

/** As `check`: 5 says that something was found; 6 that packets do not arrive because of it. */
const exitCodes = { healthy: 0, warning: 5, error: 6 } as const

export const doctor: CommandDefinition = {
  path: ['doctor'],
  summary: 'what is wrong with the networks, and what mends it',
  about:
    'Looks at forwarding, bridges, links, addresses, routes, sizes, name servers, listeners and all packet rules, also those of ' +
    'others, and leads packets through them. Each finding comes with what was seen and the command that mends it; causes ' +
    'come first. A host in order gives none. --fix runs those commands that only put back what tsnet made.\n' +
    'Exit code 0 without findings, 5 for warnings only, 6 where packets do not arrive.',
  args: [{ syntax: '[container]', about: 'id or name: what concerns it only' }],
  groups: [
    {
      title: 'Options',
      options: [{ flags: '--fix', about: 'mend what can be mended without harm, and say what is left' }],
    },
  ],
  onSignal: 'finish',
  run: async ({ args, flags, globals }, session) => {
    const lib = await session.lib()
    const engine = await session.engine()
    const { io, palette } = session
    const found = await session.waitFor('examining this host', lib.diagnose(engine, args[0]), 'work')
    const fixes = switchFlag(flags, 'fix') ? await session.waitFor('mending', lib.mend(engine, found)) : []
    const left =
      fixes.length === 0
        ? found
        : await session.waitFor('examining again', lib.diagnose(engine, args[0]), 'work')
    if (globals.json)
      writeJson(io.stdout, 'doctor', switchFlag(flags, 'fix') ? { findings: left, mended: fixes } : left)
    else if (globals.quiet) io.stdout.write(asLines(left.map(({ code, subject }) => `${code} ${subject}`)))
    else
      io.stdout.write(
        renderFixes(fixes, palette) +
          renderAilments(left, { columns: io.stdout.columns, palette, shellLine: lib.shellLine }),
      )
    if (left.length === 0) return exitCodes.healthy
    return left.some(({ severity }) => severity === 'error') ? exitCodes.error : exitCodes.warning
  },
}

interface Style {
  readonly columns: number
  readonly palette: Palette
  readonly shellLine: (argv: readonly string[]) => string
}

function renderAilments(ailments: readonly Ailment[], { columns, palette, shellLine }: Style): string {
  if (ailments.length === 0) return `${palette.green('healthy')}: nothing found\n`
  const width = Math.min(columns, 120)
  const blocks = ailments.map(({ code, severity, subject, what, evidence, fix, commands, safe }) => {
    const mark = severity === 'error' ? palette.red('error  ') : palette.yellow('warning')
    const part = (label: string, lines: readonly string[]): string =>
      asLines(lines.map((line, at) => `  ${palette.dim((at === 0 ? label : '').padEnd(8))}  ${line}`))
    const seen = evidence.flatMap((text) => wrap(text, width - 12))
    const mend =
      commands === undefined
        ? wrap(fix, width - 12)
        : commands.flatMap((argv) =>
            inLines(
              argv.map((word) => shellLine([word])),
              width - 12,
            ),
          )
    return [
      `${mark} ${palette.bold(subject)}  ${palette.dim(code)}\n`,
      ...wrap(what, width - 2).map((line) => `  ${line}\n`),
      part('seen', seen),
      part(safe ? 'mend*' : 'mend', mend),
    ].join('')
  })
  const errors = ailments.filter(({ severity }) => severity === 'error').length
  const sum = [
    ...(errors === 0 ? [] : [`${errors} error${errors === 1 ? '' : 's'}`]),
    ...(ailments.length === errors
      ? []
      : [`${ailments.length - errors} warning${ailments.length - errors === 1 ? '' : 's'}`]),
  ].join(', ')
  const safe = ailments.some((one) => one.safe) ? '; tsnet doctor --fix mends those with *' : ''
  return `${blocks.join('\n')}\n${sum}${safe}\n`
}

/** To be pasted into a shell as it stands, also where it takes several lines. */
function inLines(words: readonly string[], columns: number): readonly string[] {
  const lines: string[] = []
  for (const word of words) {
    const last = lines.at(-1)
    if (last === undefined || last.length + word.length + 3 > columns) lines.push(word)
    else lines[lines.length - 1] = `${last} ${word}`
  }
  return lines.map((line, at) => (at < lines.length - 1 ? `${line} \\` : line))
}

function renderFixes(fixes: readonly Mended[], { green, red }: Palette): string {
  const lines = fixes.map(({ ailment, done, said }) =>
    done ? `${green('mended')} ${ailment.what}\n` : `${red('failed')} ${ailment.fix}: ${said ?? ''}\n`,
  )
  return lines.length === 0 ? '' : `${lines.join('')}\n`
}
