/**
 * What podman's configuration says of helpers and network backend: the files in
 * podman's order, the last one that names a key wins.
 *
 * Reads the two keys that matter here, as people write them; it is no TOML
 * reader. `CONTAINERS_CONF` is one file instead of all.
 *
 * @see containers.conf(5)
 * @module
 */

import { readdirSync, readFileSync } from 'node:fs'

export interface ContainersConf {
  /** Folders in which podman looks for netavark, in its order. */
  readonly helperFolders: readonly string[]
  /** Empty: podman chooses, by what its storage was used with before. */
  readonly backend: string
  /** The file each of them comes from; absent: podman's default. */
  readonly from: { readonly helperFolders?: string; readonly backend?: string }
}

export const defaultHelperFolders: readonly string[] = [
  '/usr/local/libexec/podman',
  '/usr/local/lib/podman',
  '/usr/libexec/podman',
  '/usr/lib/podman',
]

/** @param dropIns folder of `*.conf` that are read last, in alphabetical order */
export function configFiles(dropIns: string): readonly string[] {
  return ['/usr/share/containers/containers.conf', '/etc/containers/containers.conf', ...confsOf(dropIns)]
}

function confsOf(folder: string): readonly string[] {
  try {
    const names = readdirSync(folder).filter((name) => name.endsWith('.conf'))
    return names.sort().map((name) => `${folder}/${name}`)
  } catch {
    return []
  }
}

export function readContainersConf(files: readonly string[]): ContainersConf {
  let conf: ContainersConf = { helperFolders: defaultHelperFolders, backend: '', from: {} }
  for (const file of files) {
    const values = tablesOf(textOf(file))
    const folders = values.get('engine.helper_binaries_dir')
    const backend = values.get('network.network_backend')
    conf = {
      helperFolders: folders ?? conf.helperFolders,
      backend: backend?.[0] ?? conf.backend,
      from: {
        ...conf.from,
        ...(folders === undefined ? {} : { helperFolders: file }),
        ...(backend === undefined ? {} : { backend: file }),
      },
    }
  }
  return conf
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

/** `table.key` to the strings of its value; an array may go over several lines. */
function tablesOf(text: string): ReadonlyMap<string, readonly string[]> {
  const values = new Map<string, readonly string[]>()
  let table = ''
  for (const [statement] of statementsOf(text).matchAll(
    /^\s*(\[[^\]\n]*\]|[\w.-]+\s*=\s*(\[[^\]]*\]|.*))/gm,
  )) {
    const head = /^\s*\[\s*([\w.-]+)\s*\]$/.exec(statement)
    if (head !== null) {
      table = head[1] as string
      continue
    }
    const [, key = '', value = ''] = /^\s*([\w.-]+)\s*=\s*([\s\S]*)$/.exec(statement) ?? []
    const strings = [...value.matchAll(/"([^"]*)"|'([^']*)'/g)].map(([, one, other]) => one ?? other ?? '')
    values.set(`${table}.${key}`, strings)
  }
  return values
}

/** Without comments; a `#` within quotes is none. */
function statementsOf(text: string): string {
  return text.replace(/("[^"\n]*"|'[^'\n]*')|#.*/g, (_, quoted?: string) => quoted ?? '')
}
