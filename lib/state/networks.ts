/**
 * Network definitions: user networks, and those made at first use.
 *
 * @module
 */

import type { NetworkConfig } from '../model/network.ts'
import { listFolder, readJson, removeFile, writeJson } from './files.ts'
import type { StatePaths } from './paths.ts'

export interface NetworkDefinitions {
  get(name: string): NetworkConfig | undefined
  list(): readonly NetworkConfig[]
  names(): readonly string[]
  /** Of those made at first use. */
  ephemeralNames(): readonly string[]
  put(config: NetworkConfig): void
  remove(name: string): void
}

export function networkDefinitions(paths: StatePaths): NetworkDefinitions {
  const folderOf = (ephemeral: boolean): string => (ephemeral ? paths.ephemeral : paths.networks)
  const get = (name: string): NetworkConfig | undefined =>
    readJson<NetworkConfig>(`${paths.networks}/${name}.json`) ??
    readJson<NetworkConfig>(`${paths.ephemeral}/${name}.json`)
  const namesIn = (folder: string): readonly string[] =>
    listFolder(folder).flatMap((file) => (file.endsWith('.json') ? [file.slice(0, -'.json'.length)] : []))
  const names = (): readonly string[] => [...namesIn(paths.networks), ...namesIn(paths.ephemeral)]
  return {
    get,
    names,
    ephemeralNames: () => namesIn(paths.ephemeral),
    list: () =>
      names()
        .map(get)
        .filter((config) => config !== undefined),
    put: (config) => writeJson(`${folderOf(config.ephemeral)}/${config.name}.json`, config),
    remove: (name) => {
      removeFile(`${paths.networks}/${name}.json`)
      removeFile(`${paths.ephemeral}/${name}.json`)
    },
  }
}
