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
  put(config: NetworkConfig): void
  remove(name: string): void
}

export function networkDefinitions(paths: StatePaths): NetworkDefinitions {
  const folderOf = (ephemeral: boolean): string => (ephemeral ? paths.ephemeral : paths.networks)
  const get = (name: string): NetworkConfig | undefined =>
    readJson<NetworkConfig>(`${paths.networks}/${name}.json`) ??
    readJson<NetworkConfig>(`${paths.ephemeral}/${name}.json`)
  return {
    get,
    list: () =>
      [paths.networks, paths.ephemeral]
        .flatMap((folder) => listFolder(folder).filter((file) => file.endsWith('.json')))
        .map((file) => get(file.slice(0, -'.json'.length)))
        .filter((config) => config !== undefined),
    put: (config) => writeJson(`${folderOf(config.ephemeral)}/${config.name}.json`, config),
    remove: (name) => {
      removeFile(`${paths.networks}/${name}.json`)
      removeFile(`${paths.ephemeral}/${name}.json`)
    },
  }
}
