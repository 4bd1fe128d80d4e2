/**
 * Names that container engines have written down for their containers.
 *
 * Read from the files the engines keep, because their sockets may be silent and
 * asking costs a process. A file that is not there, or has another shape than
 * the versions looked at, gives no name: the id is shown then. Docker: 20 to 29;
 * Podman and CRI-O: containers/storage; containerd: the OCI bundle's annotations.
 *
 * @module
 */

import { fileText, namesIn } from './processes.ts'

export interface EngineContainer {
  readonly id: string
  readonly name: string
  /** Where the engine keeps these files of the container, as far as it says. */
  readonly resolvConf?: string
  readonly hostsFile?: string
}

const dockerFolder = '/var/lib/docker/containers'
const storageFolders = ['/var/lib/containers/storage', '/run/containers/storage']
const containerdTasks = '/run/containerd/io.containerd.runtime.v2.task'
/** Annotations that hold a name, the most telling first. */
const nameAnnotations = [
  'nerdctl/name',
  'io.kubernetes.cri.sandbox-name',
  'io.kubernetes.pod.name',
  'io.kubernetes.cri.container-name',
]

/** Of all containers that any known engine has, running or not. */
export function engineContainers(): readonly EngineContainer[] {
  return [...docker(), ...storage(), ...containerd()]
}

function docker(): EngineContainer[] {
  return namesIn(dockerFolder).flatMap((id) => {
    const config = objectAt(`${dockerFolder}/${id}/config.v2.json`)
    const name = textIn(config, 'Name')?.replace(/^\//, '')
    if (name === undefined) return []
    return [{ id, name, ...files(textIn(config, 'ResolvConfPath'), textIn(config, 'HostsPath')) }]
  })
}

function storage(): EngineContainer[] {
  return storageFolders.flatMap((folder) => {
    const list = json(fileText(`${folder}/overlay-containers/containers.json`))
    if (!Array.isArray(list)) return []
    return list.flatMap((entry: unknown) => {
      const id = textIn(entry, 'id')
      const names = isRecord(entry) && Array.isArray(entry['names']) ? entry['names'] : []
      if (id === undefined || typeof names[0] !== 'string') return []
      const data = `/run/containers/storage/overlay-containers/${id}/userdata`
      return [{ id, name: names[0], ...files(`${data}/resolv.conf`, `${data}/hosts`) }]
    })
  })
}

function containerd(): EngineContainer[] {
  return namesIn(containerdTasks).flatMap((namespace) =>
    namesIn(`${containerdTasks}/${namespace}`).flatMap((id) => {
      const config = objectAt(`${containerdTasks}/${namespace}/${id}/config.json`)
      const annotations = config?.['annotations']
      const name = nameAnnotations.map((key) => textIn(annotations, key)).find((text) => text !== undefined)
      return name === undefined ? [] : [{ id, name }]
    }),
  )
}

/** Only those that are there now. */
function files(resolvConf: string | undefined, hostsFile: string | undefined): Partial<EngineContainer> {
  return {
    ...(resolvConf !== undefined && fileText(resolvConf) !== undefined ? { resolvConf } : {}),
    ...(hostsFile !== undefined && fileText(hostsFile) !== undefined ? { hostsFile } : {}),
  }
}

function objectAt(path: string): Readonly<Record<string, unknown>> | undefined {
  const value = json(fileText(path))
  return isRecord(value) ? value : undefined
}

function json(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text)
  } catch {
    // Half written, or not ours to understand.
    return undefined
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function textIn(value: unknown, key: string): string | undefined {
  const found = isRecord(value) ? value[key] : undefined
  return typeof found === 'string' && found !== '' ? found : undefined
}
