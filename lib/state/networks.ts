/**
 * Network definitions: user networks, and those made at first use.
 *
 * One that cannot be read stays where it is: the network is there, somebody may
 * have written it himself, and whoever asks for it is told what is wrong.
 *
 * @module
 */

import { fail } from '../errors/codes.ts'
import type { TsnetError } from '../errors/error.ts'
import type { NetworkConfig } from '../model/network.ts'
import { setAside } from './aside.ts'
import { type Checked, checked } from './checked.ts'
import { readJson, removeFile, type Warn, writeJson } from './files.ts'
import type { StatePaths } from './paths.ts'
import { type Folder, rememberedFolder } from './remembered.ts'
import { networkFault } from './shapes.ts'

export interface NetworkDefinitions {
  /** Undefined too where it cannot be read. */
  get(name: string): NetworkConfig | undefined
  /** Of a network that is there and cannot be read: TSNET_STATE_UNREADABLE. */
  fault(name: string): TsnetError | undefined
  /** Those that can be read. */
  list(): readonly NetworkConfig[]
  /** All. */
  names(): readonly string[]
  /** Of those made at first use. */
  ephemeralNames(): readonly string[]
  put(config: NetworkConfig): void
  /** In the place of one made at first use that cannot be read, which is set aside. */
  renew(config: NetworkConfig): void
  remove(name: string): void
}

const suffix = '.json'

export function networkDefinitions(paths: StatePaths, warn: Warn): NetworkDefinitions {
  const folderOf = (ephemeral: boolean): string => (ephemeral ? paths.ephemeral : paths.networks)
  const [user, ephemeral] = [rememberedFolder(paths.networks), rememberedFolder(paths.ephemeral)]
  const namesIn = (folder: Folder): readonly string[] =>
    folder.names().flatMap((file) => (file.endsWith(suffix) ? [file.slice(0, -suffix.length)] : []))
  const read = (name: string): Checked<NetworkConfig> =>
    checked(() => {
      const file = `${name}${suffix}`
      const own = user.read<NetworkConfig>(file)
      return own === undefined ? ephemeral.read<NetworkConfig>(file) : own
    }, networkFault)
  const get = (name: string): NetworkConfig | undefined => read(name).value
  const names = (): readonly string[] => [...namesIn(user), ...namesIn(ephemeral)]
  return {
    get,
    fault: (name) => {
      const { why } = read(name)
      return why === undefined ? undefined : unusable(paths, name, why)
    },
    names,
    ephemeralNames: () => namesIn(ephemeral),
    list: () =>
      names()
        .map(get)
        .filter((config) => config !== undefined),
    put: (config) => writeJson(`${folderOf(config.ephemeral)}/${config.name}${suffix}`, config),
    renew: (config) => {
      const path = `${paths.ephemeral}/${config.name}${suffix}`
      setAside(path, `${read(config.name).why ?? 'it is gone'}; it is written anew`, warn)
      writeJson(path, config)
    },
    remove: (name) => {
      for (const folder of [paths.networks, paths.ephemeral]) {
        const path = `${folder}/${name}${suffix}`
        // Not what somebody may mend and bring back.
        if (isWhole(path)) removeFile(path)
        else setAside(path, 'its network was removed', warn)
      }
    },
  }
}

function isWhole(path: string): boolean {
  return checked(() => readJson<unknown>(path), networkFault).why === undefined
}

function unusable({ networks }: StatePaths, name: string, why: string): TsnetError {
  const path = `${networks}/${name}${suffix}`
  return fail('TSNET_STATE_UNREADABLE', {
    message: `using network ${name}: reading ${path}: ${why}`,
    field: 'network',
    value: name,
    hint: `mend ${path}; or "tsnet network rm ${name}" keeps it aside, and "tsnet network create ${name}" makes it anew`,
  })
}
