/**
 * Making podman use our netavark, for good: one file among those podman reads,
 * `containers.conf.d/90-tsnet.conf`, and nothing else.
 *
 * Folders of helpers that were configured before stay behind ours, because
 * podman looks for its other helpers (catatonit, gvproxy) in the same list.
 *
 * @module
 */

import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { findProgram } from '../../engine/plugins.ts'
import { fail, rightsLacking } from '../../errors/codes.ts'
import { type ContainersConf, configFiles, readContainersConf } from './containersconf.ts'

/** Sorts behind a distribution's, and before an administrator's 99-. */
const fileName = '90-tsnet.conf'
const firstLine = '# Written by `tsnet podman install`; `tsnet podman uninstall` takes it away.'
const folderLine = '# Its folder was made with it.'

export interface Placement {
  /** dist/podman of this installation. */
  readonly helpers: string
  /** Folder of drop-ins. */
  readonly folder: string
}

/** What a call has done, or found done. */
export interface Change {
  readonly file: string
  readonly done: 'written' | 'unchanged' | 'removed' | 'absent'
}

/**
 * @throws TSNET_PROGRAM_MISSING (unavailable) where our netavark is not built
 * @throws TSNET_NAME_IN_USE (conflict) where somebody else's file has the name
 * @throws TSNET_FILE_UNUSABLE (invalid) where it cannot be written, TSNET_NOT_ROOT (forbidden)
 */
export function installPodman({ helpers, folder }: Placement): Change {
  if (findProgram('netavark', [helpers]) === undefined) {
    throw fail('TSNET_PROGRAM_MISSING', {
      message: `looking for netavark in ${helpers}: it is not built`,
      hint: 'npm run build',
    })
  }
  const file = `${folder}/${fileName}`
  const before = ownText(file)
  const made = before === undefined ? !existsSync(folder) : before.includes(folderLine)
  const others = configFiles(folder).filter((one) => one !== file)
  const theirs = readContainersConf(others).helperFolders.filter((one) => one !== helpers)
  const text = dropIn([helpers, ...theirs], made)
  if (before === text) return { file, done: 'unchanged' }
  writing(file, () => {
    mkdirSync(folder, { recursive: true })
    writeFileSync(file, text, { mode: 0o644 })
  })
  return { file, done: 'written' }
}

/** @throws TSNET_NAME_IN_USE (conflict), TSNET_FILE_UNUSABLE (invalid) */
export function uninstallPodman({ folder }: Pick<Placement, 'folder'>): Change {
  const file = `${folder}/${fileName}`
  const text = ownText(file)
  if (text === undefined) return { file, done: 'absent' }
  writing(file, () => {
    rmSync(file)
    if (text.includes(folderLine) && readdirSync(folder).length === 0) rmdirSync(folder)
  })
  return { file, done: 'removed' }
}

export interface PodmanStatus {
  /** The drop-in, where it is there. */
  readonly file: string | undefined
  /** The netavark podman starts now; absent: it finds none. */
  readonly netavark: string | undefined
  readonly isOurs: boolean
  /** As configured; empty: podman chooses. */
  readonly backend: string
  /** Why podman does not use ours although the drop-in is there. */
  readonly obstacles: readonly string[]
}

export function podmanStatus(
  { helpers, folder }: Placement,
  env: Readonly<Record<string, string | undefined>>,
): PodmanStatus {
  const file = `${folder}/${fileName}`
  const [given, own] = [env['CONTAINERS_CONF'], env['CONTAINERS_HELPER_BINARY_DIR']]
  const conf = readContainersConf(given ? [given] : configFiles(folder))
  const folders = [...(own ? [own] : []), ...conf.helperFolders]
  const netavark = findProgram('netavark', folders)
  const installed = ownText(file, { foreign: 'absent' }) !== undefined
  const isOurs = netavark === `${helpers}/netavark`
  const usable = isOurs && (conf.backend === 'netavark' || conf.backend === '')
  return {
    file: installed ? file : undefined,
    netavark,
    isOurs: usable,
    backend: conf.backend,
    obstacles: installed && !usable ? obstaclesOf(conf, { file, given, own, netavark, isOurs }) : [],
  }
}

interface Found {
  readonly file: string
  readonly given: string | undefined
  readonly own: string | undefined
  readonly netavark: string | undefined
  readonly isOurs: boolean
}

function obstaclesOf({ from, backend }: ContainersConf, found: Found): readonly string[] {
  const { file, given, own, netavark, isOurs } = found
  if (given) return [`CONTAINERS_CONF=${given} is read instead of all other files`]
  const folders =
    own && netavark?.startsWith(`${own}/`)
      ? `CONTAINERS_HELPER_BINARY_DIR=${own} comes first`
      : from.helperFolders === file
        ? `${file} names another installation: run tsnet podman install again`
        : `${from.helperFolders} sets helper_binaries_dir, and is read later`
  return [
    ...(isOurs ? [] : [folders]),
    ...(backend === 'netavark' ? [] : [`${from.backend} sets network_backend to "${backend}"`]),
  ]
}

function dropIn(folders: readonly string[], madeFolder: boolean): string {
  return [
    firstLine,
    ...(madeFolder ? [folderLine] : []),
    '[engine]',
    'helper_binaries_dir = [',
    ...folders.map((folder) => `  ${JSON.stringify(folder)},`),
    ']',
    '',
    '[network]',
    'network_backend = "netavark"',
    '',
  ].join('\n')
}

/** @returns undefined where there is no such file */
function ownText(
  file: string,
  { foreign = 'refuse' }: { readonly foreign?: 'refuse' | 'absent' } = {},
): string | undefined {
  if (!existsSync(file)) return undefined
  const text = readFileSync(file, 'utf8')
  if (text.startsWith(firstLine)) return text
  if (foreign === 'absent') return undefined
  throw fail('TSNET_NAME_IN_USE', {
    message: `${file} is there, and tsnet has not written it`,
    field: '--dir',
    value: file,
    hint: 'move it away, or name another folder with --dir',
  })
}

function writing(file: string, work: () => void): void {
  try {
    work()
  } catch (error) {
    const message = `writing ${file}: ${error instanceof Error ? error.message : String(error)}`
    const lacking = rightsLacking(error, message)
    if (lacking !== undefined) throw lacking
    throw fail('TSNET_FILE_UNUSABLE', {
      message,
      field: '--dir',
      value: file,
      hint: 'name another folder with --dir',
      cause: error,
    })
  }
}
