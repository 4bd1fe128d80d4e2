/**
 * A name server of its own that answers from a folder of files which somebody else
 * writes, read again at SIGHUP. Listeners of networks that stay are not touched by
 * it. It ends when the folder is empty. What the files look like is its adapter's
 * business.
 *
 * @module
 */

import { closeSync, readFileSync, unlinkSync, writeFileSync, writeSync } from 'node:fs'
import type { NameServer } from '../../dns/server.ts'
import type { ZoneContainer, ZoneNetwork } from '../../dns/zone-contents.ts'
import { endProcess } from '../../kernel/system/ending.ts'
import { READY_FD, startFolderServer as startProcess, staySmall } from '../../kernel/system/nameserver.ts'
import { systemLog } from '../../kernel/system/syslog.ts'
import { openNameServer } from './nameserver.ts'

/** The first word of its command line. */
export const folderWord = '--folder'

export interface FolderPlace {
  readonly folder: string
  readonly port: number
  /** What names end in, beside nothing. */
  readonly domain: string
  /** False: whatever the files say, nothing is asked elsewhere. */
  readonly forwards: boolean
}

export interface FolderContents {
  readonly networks: readonly ZoneNetwork[]
  readonly containers: readonly ZoneContainer[]
  /** Networks there are files of, readable or not. */
  readonly files: number
}

export interface FolderFormat {
  /** What the process is called. */
  readonly name: string
  /** In the folder: its number, for those who send SIGHUP. */
  readonly pidFile: string
  /** What cannot be read is said to `log` and left out. */
  read(place: FolderPlace, log: (text: string) => void): FolderContents
}

/** @returns what keeps it from answering; undefined where it answers now, or has nothing to answer */
export async function startFolderServer(place: FolderPlace): Promise<string | undefined> {
  const said = await startProcess([folderWord, JSON.stringify(place)])
  if (said === undefined) return 'the name server ended before it answered'
  return said === '' ? undefined : said
}

/** In the process that was started so. @param argv without node and program */
export async function serveFolder(argv: readonly string[], format: FolderFormat): Promise<void> {
  process.title = format.name
  const log = systemLog(format.name)
  process.on('uncaughtException', (error) => log(`unexpected: ${error.stack ?? error.message}`))
  const server = openNameServer((doing, error) =>
    log(`${doing} ${error instanceof Error ? error.message : String(error)}`),
  )
  const place = JSON.parse(argv[1] ?? '') as FolderPlace
  const first = format.read(place, log)
  const fault = await begin(server, first)
  if (fault !== undefined || first.files === 0) {
    tell(fault ?? '')
    endProcess(fault === undefined ? 0 : 1)
  }
  const pidPath = `${place.folder}/${format.pidFile}`
  writeFileSync(pidPath, String(process.pid), { mode: 0o644 })
  let served = first
  /** One change at a time. */
  let last: Promise<void> = Promise.resolve()
  process.on('SIGHUP', () => {
    last = last.then(async () => {
      const now = format.read(place, log)
      if (now.files === 0) leave(pidPath)
      await follow(server, served, now)
      served = now
    })
  })
  process.on('SIGTERM', () => leave(pidPath))
  staySmall()
  tell('')
}

/** What whoever has started us waits for: nothing is good news. */
function tell(fault: string): void {
  writeSync(READY_FD, `${fault}\n`)
  closeSync(READY_FD)
}

/** The pid file is ours as long as it has our number. */
function leave(pidPath: string): never {
  try {
    if (readFileSync(pidPath, 'utf8') === String(process.pid)) unlinkSync(pidPath)
  } catch {
    // The folder has gone already.
  }
  endProcess(0)
}

/** Somebody waits, and can be told what cannot be served. @returns the fault */
async function begin(
  server: NameServer,
  { networks, containers }: FolderContents,
): Promise<string | undefined> {
  for (const container of containers) {
    const response = await server.handle({ op: 'put', container, networks })
    if (!response.ok) return response.fault.message
  }
  return undefined
}

async function follow(
  server: NameServer,
  before: FolderContents,
  { networks, containers }: FolderContents,
): Promise<void> {
  const ids = new Set(containers.map(({ id }) => id))
  for (const { id } of before.containers.filter((one) => !ids.has(one.id))) {
    await server.handle({ op: 'drop', id })
  }
  await server.handle({ op: 'load', networks, containers, routes: [] })
}
