/**
 * `aardvark-dns`: its path and version, which podman asks for, and `run`, which a
 * netavark that is not ours calls: tsnet's name server answering from its folder.
 *
 * @module
 */

import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { startFolderServer } from '../../engine/names/folderserver.ts'
import { invalidValue, type OptionValues, optionLines, takeOptions, unexpected } from './clap.ts'
import { UsageFault } from './errors.ts'
import { aardvarkVersion, versionJson } from './versioninfo.ts'

const specs = [
  { long: 'config', short: 'c', about: 'Path to configuration directory' },
  {
    long: 'filter-search-domain',
    short: 'f',
    about: 'Filters search domain for backward compatiblity with dnsname/dnsmasq',
  },
  { long: 'port', short: 'p', about: 'Host port for aardvark servers, defaults to 5533' },
]

const usage = 'USAGE:\n    aardvark-dns [OPTIONS] <SUBCOMMAND>\n'

const help = `aardvark-dns ${aardvarkVersion}

${usage}
OPTIONS:
${optionLines(specs)}
    -h, --help
            Print help information

    -V, --version
            Print version information

SUBCOMMANDS:
    help       Print this message or the help of the given subcommand(s)
    run        Answers names from the files in the configuration directory, in the background
    version    Display info about aardvark
`

export interface AardvarkIo {
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly stdout: (text: string) => void
  readonly stderr: (text: string) => void
}

/** @returns the exit code; never throws */
export async function runAardvark(io: AardvarkIo): Promise<number> {
  try {
    const values: OptionValues = new Map()
    const head = takeOptions(io.argv, { specs, of: 'program', usage }, values)
    if ('help' in head) {
      io.stdout(head.help === 'help' ? help : `aardvark-dns ${aardvarkVersion}\n`)
      return 0
    }
    const [verb, extra] = head.rest
    if (verb === undefined) throw new UsageFault(help)
    if (extra !== undefined && verb !== 'help') throw unexpected(extra, usage)
    if (verb === 'help') io.stdout(help)
    else if (verb === 'version') io.stdout(versionJson(aardvarkVersion))
    else if (verb === 'run') return await run(io, values)
    else throw unexpected(verb, usage)
    return 0
  } catch (error) {
    io.stderr(error instanceof UsageFault ? error.message : `${(error as Error).message}\n`)
    return error instanceof UsageFault ? 2 : 1
  }
}

/** The server answers when this returns. */
async function run({ cwd, env, stderr }: AardvarkIo, values: OptionValues): Promise<number> {
  const one = (name: string): string | undefined => values.get(name)?.at(-1)
  const port = portOf(one('port') ?? '5533')
  const config = one('config')
  const folder = config === undefined ? undefined : resolve(cwd, config)
  if (folder === undefined || !existsSync(folder)) {
    stderr(`Error starting server config directory ${folder ?? ''} must exist and be a directory\n`)
    return 1
  }
  const domain = (one('filter-search-domain') ?? '.dns.podman').replace(/^\./, '')
  const forwards = env['AARDVARK_NO_PROXY'] === undefined
  const fault = await startFolderServer({ folder, port, domain, forwards })
  if (fault !== undefined) stderr(`Error starting server ${fault}\n`)
  return fault === undefined ? 0 : 1
}

function portOf(text: string): number {
  if (/^\+?\d+$/.test(text) && Number(text) <= 65_535) return Number(text)
  const why = /^\+?\d+$/.test(text)
    ? 'number too large to fit in target type'
    : 'invalid digit found in string'
  throw invalidValue(text, 'port', why)
}
