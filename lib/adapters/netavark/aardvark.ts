/**
 * What podman finds under the name `aardvark-dns`: it asks for the path and the
 * version. Names are answered by tsnet's own server, which our netavark starts.
 *
 * @module
 */

import { aardvarkVersion, versionJson } from './versioninfo.ts'

const help = `aardvark-dns ${aardvarkVersion}

USAGE:
    aardvark-dns [OPTIONS] <SUBCOMMAND>

OPTIONS:
    -c, --config <CONFIG>
            Path to configuration directory

    -f, --filter-search-domain <FILTER_SEARCH_DOMAIN>
            Filters search domain

    -h, --help
            Print help information

    -p, --port <PORT>
            Host port for aardvark servers, defaults to 5533

    -V, --version
            Print version information

SUBCOMMANDS:
    help       Print this message or the help of the given subcommand(s)
    run        Not here: tsnet's netavark starts tsnet's own name server
    version    Display info about aardvark
`

const withValue = ['-c', '--config', '-f', '--filter-search-domain', '-p', '--port']

export interface AardvarkIo {
  readonly argv: readonly string[]
  readonly stdout: (text: string) => void
  readonly stderr: (text: string) => void
}

/** @returns the exit code */
export function runAardvark({ argv, stdout, stderr }: AardvarkIo): number {
  const verb = argv.find((word, i) => !word.startsWith('-') && !withValue.includes(argv[i - 1] ?? ''))
  if (argv.includes('-V') || argv.includes('--version')) stdout(`aardvark-dns ${aardvarkVersion}\n`)
  else if (verb === 'help' || argv.includes('-h') || argv.includes('--help')) stdout(help)
  else if (verb === 'version') stdout(versionJson(aardvarkVersion))
  else if (verb === 'run') {
    stderr(
      "aardvark-dns: tsnet's name server is started by tsnet's netavark; use both from the same folder, or neither\n",
    )
    return 1
  } else {
    stderr(
      verb === undefined
        ? help
        : `error: Found argument '${verb}' which wasn't expected\n\nFor more information try --help\n`,
    )
    return 2
  }
  return 0
}
