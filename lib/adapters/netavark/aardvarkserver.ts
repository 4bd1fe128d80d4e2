/**
 * The process behind `aardvark-dns run`: what the files of its folder say, as our
 * name server understands it.
 *
 * @module
 */

import { readdirSync, readFileSync } from 'node:fs'
import { type FolderContents, type FolderPlace, serveFolder } from '../../engine/names/folderserver.ts'
import { parseFile } from './aardvarkfile.ts'

const pidFile = 'aardvark.pid'
const internalMark = '%int'

/** Runs until the folder is empty. @param argv without node and program */
export function runAardvarkServer(argv: readonly string[]): Promise<void> {
  return serveFolder(argv, { name: 'aardvark-dns', pidFile, read: readFolder })
}

function readFolder(place: FolderPlace, log: (text: string) => void): FolderContents {
  const { folder, port, domain, forwards } = place
  const files = filesOf(folder)
  const networks: FolderContents['networks'][number][] = []
  const containers = new Map<string, FolderContents['containers'][number]>()
  for (const file of files) {
    const isInternal = file.endsWith(internalMark)
    const name = isInternal ? file.slice(0, -internalMark.length) : file
    const internal = isInternal || !forwards
    try {
      const { listeners, forwarders, entries } = parseFile(readFileSync(`${folder}/${file}`, 'utf8'))
      networks.push({
        name,
        listen: listeners,
        subnets: [],
        internal,
        domain,
        forwarders,
        port,
        anyone: true,
      })
      for (const { id, addresses, names, servers } of entries) {
        const { endpoints = [], forwarders: own = [] } = containers.get(id) ?? {}
        containers.set(id, {
          ...{ id, names: [], forwarders: [...new Set([...own, ...servers])] },
          endpoints: [...endpoints, { network: name, addresses, aliases: names }],
        })
      }
    } catch (error) {
      log(`reading ${folder}/${file}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  return { networks, containers: [...containers.values()], files: files.length }
}

/** Hidden ones are somebody's who has not finished writing. */
function filesOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name !== pidFile && !name.startsWith('.'))
      .sort()
  } catch {
    return []
  }
}
