/**
 * `tsnet completion`.
 *
 * The scripts are a few lines that ask tsnet itself; what may come next is
 * decided in candidates.ts.
 *
 * @module
 */

import { candidatesFor, type KnownNames } from './candidates.ts'
import type { CommandDefinition, Session } from './command.ts'
import { writeJson } from './print/json.ts'
import { asLines } from './print/lines.ts'
import { UsageError } from './usage.ts'

const scripts: Readonly<Record<string, string>> = {
  bash: `# tsnet completion bash
_tsnet() {
  local IFS=$'\\n'
  COMPREPLY=($(tsnet completion words -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | cut -f1))
}
complete -o default -F _tsnet tsnet
`,
  zsh: `#compdef tsnet
# tsnet completion zsh
_tsnet() {
  local -a lines found
  local line
  lines=("\${(@f)$(tsnet completion words -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  for line in $lines; do
    [[ -n $line ]] && found+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done
  if (( $#found )); then _describe tsnet found; else _files; fi
}
compdef _tsnet tsnet
`,
  fish: `# tsnet completion fish
function __tsnet_words
  set -l found (tsnet completion words -- (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)
  if test (count $found) -gt 0
    printf '%s\\n' $found
  else
    __fish_complete_path (commandline -ct)
  end
end
complete -c tsnet -f -a '(__tsnet_words)'
`,
}

export const completion: CommandDefinition = {
  path: ['completion'],
  summary: 'completion of commands, flags and names for bash, zsh and fish',
  about:
    'Prints the script for a shell, made to be read at its start. It asks tsnet for what may come next, so commands, ' +
    'flags and the names of containers and networks are those of the moment: tsnet completion words -- WORDS.',
  args: [
    {
      syntax: '<shell>',
      about: 'bash, zsh or fish; words: what may come next, one a line',
      values: ['bash', 'zsh', 'fish'],
    },
    { syntax: '[words...]', about: 'behind --: the line so far without tsnet, the last word may be empty' },
  ],
  groups: [],
  program: { word: 2 },
  onSignal: 'stop',
  run: async ({ args, program, globals }, session) => {
    const { stdout } = session.io
    const [shell = ''] = args
    if (shell === 'words') {
      const found = await candidatesFor(
        program.length === 0 ? [''] : program,
        session.families,
        namesOn(session),
      )
      if (globals.json) writeJson(stdout, 'completion', found)
      else stdout.write(asLines(found.map(({ word, about }) => `${word}\t${about}`)))
      return 0
    }
    const script = Object.hasOwn(scripts, shell) ? scripts[shell] : undefined
    if (script === undefined)
      throw new UsageError(`there is no completion for ${shell}`, 'known are bash, zsh and fish')
    if (globals.json) writeJson(stdout, 'completion', { shell, script })
    else stdout.write(script)
    return 0
  },
}

/** Nobody who presses Tab wants to read an error: what cannot be asked has no names. */
function namesOn(session: Session): KnownNames {
  return {
    containers: async () => {
      try {
        const { takeInventory } = await session.lib()
        const { namespaces, records } = await takeInventory(await session.engine())
        const names = [
          ...records.map(({ container }) => container.name ?? container.id),
          ...namespaces.flatMap(({ container, netnsNames }) => [
            container?.name ?? netnsNames[0] ?? container?.id,
          ]),
        ]
        return [...new Set(names.filter((name) => name !== undefined))]
      } catch {
        return []
      }
    },
    networks: async () => {
      try {
        return (await (await session.engine()).listNetworks()).map(({ config }) => config.name)
      } catch {
        return []
      }
    },
  }
}
