/**
 * Network definitions: user networks, and those made at first use.
 *
 * @module
 */

import type { NetworkConfig } from '../model/network.ts'
import { removeFile, writeJson } from './files.ts'
import type { StatePaths } from './paths.ts'
import { type Folder, rememberedFolder } from './remembered.ts'

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
  const [user, ephemeral] = [rememberedFolder(paths.networks), rememberedFolder(paths.ephemeral)]
  const get = (name: string): NetworkConfig | undefined =>
    user.read<NetworkConfig>(`${name}.json`) ?? ephemeral.read<NetworkConfig>(`${name}.json`)
  const namesIn = (folder: Folder): readonly string[] =>
    folder.names().flatMap((file) => (file.endsWith('.json') ? [file.slice(0, -'.json'.length)] : []))
  const names = (): readonly string[] => [...namesIn(user), ...namesIn(ephemeral)]
  return {
    get,
    names,
    ephemeralNames: () => namesIn(ephemeral),
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
