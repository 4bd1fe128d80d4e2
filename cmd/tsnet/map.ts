/**
 * `tsnet map`.
 *
 * @module
 */

import type { HostMap, MapWord } from '../../lib/index.ts'
import { type CommandDefinition, switchFlag } from './command.ts'
import { writeJson } from './print/json.ts'
import { asLines } from './print/lines.ts'
import type { Palette } from './print/paint.ts'
import { UsageError } from './usage.ts'

export const map: CommandDefinition = {
  path: ['map'],
  summary: "a picture of this host's network",
  about:
    'The way out, bridges of every engine, the containers behind their ports with addresses and published ports. A tree ' +
    'for the terminal, Mermaid for a README, SVG for a page, JSON for programs.',
  args: [],
  groups: [
    {
      title: 'Options',
      options: [
        { flags: '--mermaid', about: 'as a Mermaid flow chart' },
        { flags: '--svg', about: 'as an SVG picture' },
      ],
    },
  ],
  onSignal: 'stop',
  run: async ({ flags, globals }, session) => {
    const { io, palette } = session
    const forms = [switchFlag(flags, 'mermaid'), switchFlag(flags, 'svg'), globals.json]
    if (forms.filter(Boolean).length > 1)
      throw new UsageError('several forms are asked for', 'give one of --mermaid, --svg and --json')
    const lib = await session.lib()
    const model = lib.mapOf(await session.inventory())
    if (globals.json) writeJson(io.stdout, 'map', model)
    else if (switchFlag(flags, 'mermaid')) io.stdout.write(lib.mapMermaid(model))
    else if (switchFlag(flags, 'svg')) io.stdout.write(lib.mapSvg(model))
    else if (globals.quiet) io.stdout.write(asLines(namesIn(model)))
    else io.stdout.write(lib.mapText(model, io.stdout.columns, (text, word) => paintOf(word, palette)(text)))
    return 0
  },
}

/** All containers of the picture, and what else is behind a port. */
function namesIn({ bridges, direct, apart, onHost }: HostMap): readonly string[] {
  const connected = [...bridges.flatMap(({ leaves }) => leaves), ...direct].map(({ name }) => name)
  return [...new Set([...connected, ...apart, ...onHost])]
}

function paintOf(word: MapWord, palette: Palette): Palette['bold'] {
  const paints: Readonly<Record<MapWord, Palette['bold']>> = {
    bridge: palette.yellow,
    container: palette.bold,
    port: palette.cyan,
    quiet: palette.dim,
  }
  return paints[word]
}
