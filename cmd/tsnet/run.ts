/**
 * One command line, of any command, from argv to exit code.
 *
 * @module
 */

import type { Lib, Session, VerbSession } from './command.ts'
import { families } from './commands.ts'
import { renderPage } from './page.ts'
import { parseArgv } from './parse.ts'
import { failed, perform, type RunOptions } from './perform.ts'
import { UsageError } from './usage.ts'

/** Everything `import()` brings, once. */
const loadLib = (): Promise<Lib> => import('../../lib/index.ts')

/** @returns the exit code; never throws */
export async function run(argv: readonly string[], options: RunOptions): Promise<number> {
  const { io } = options
  try {
    const parsed = parseArgv(argv, families)
    if (parsed.kind === 'run') return await perform(parsed, options, wholeSession)
    if (!parsed.asked)
      throw new UsageError('a command is missing', ['see tsnet help', ...parsed.path].join(' '))
    io.stdout.write(renderPage(parsed.path, families) ?? '')
    return 0
  } catch (error) {
    // The flags are not known where the command line could not be read.
    const words = argv.slice(0, argv.includes('--') ? argv.indexOf('--') : argv.length)
    return await failed(error, io, { json: words.includes('--json'), causes: false })
  }
}

function wholeSession(session: VerbSession): Session {
  return {
    ...session,
    lib: loadLib,
    inventory: async () => {
      const { takeInventory } = await loadLib()
      return session.waitFor('looking around', takeInventory(await session.engine()), 'work')
    },
    page: (path) => renderPage(path, families) ?? unknownPage(path),
    manPages: async () => (await import('./man.ts')).manPages(families),
    families,
  }
}

/** @throws UsageError with what the parser suggests instead */
function unknownPage(path: readonly string[]): never {
  parseArgv(path, families)
  throw new UsageError(`there is no command ${path.join(' ')}`, 'see tsnet help')
}
