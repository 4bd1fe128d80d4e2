/**
 * Names that container engines have written down for their containers.
 *
 * Read from the files the engines keep, because their sockets may be silent and
 * asking costs a process. A file that is not there, or has another shape than
 * the versions looked at, gives no name: the id is shown then. Docker: 20 to 29;
 * Podman and CRI-O: containers/storage, of root and of users; containerd: the OCI
 * bundle's annotations.
 *
 * @module
 */

import { fileText, namesIn } from '../system/processes.ts'

/** Whose files say so. */
export type FileEngine = 'docker' | 'podman' | 'containerd' | 'nerdctl' | 'cri'

export interface EngineContainer {
  readonly id: string
  readonly engine: FileEngine
  /** Absent where its engine gives none. */
  readonly name?: string
  /** Its first process, as far as the engine has written that down; it may have ended since. */
  readonly pid?: number
  /** Where the engine keeps these files of the container, as far as it says. */
  readonly resolvConf?: string
  readonly hostsFile?: string
}

const dockerFolder = '/var/lib/docker/containers'
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
  return [...docker(), ...storages().flatMap(storage), ...containerd()]
}

function docker(): EngineContainer[] {
  return namesIn(dockerFolder).flatMap((id) => {
    const config = objectAt(`${dockerFolder}/${id}/config.v2.json`)
    const name = textIn(config, 'Name')?.replace(/^\//, '')
    if (name === undefined) return []
    const pid = isRecord(config?.['State']) ? config['State']['Pid'] : undefined
    return [
      {
        id,
        engine: 'docker' as const,
        name,
        // 0: it is not running.
        ...(typeof pid === 'number' && pid > 0 ? { pid } : {}),
        ...files(textIn(config, 'ResolvConfPath'), textIn(config, 'HostsPath')),
      },
    ]
  })
}

/** Where containers/storage keeps what Podman and CRI-O have: images and names, and what runs. */
interface Storage {
  readonly root: string
  readonly runRoot: string
}

/** Root's, and that of every user who is logged in or lingers. */
function storages(): readonly Storage[] {
  const homes = new Map(
    (fileText('/etc/passwd') ?? '').split('\n').map((line) => {
      const [, , uid = '', , , home = ''] = line.split(':')
      return [uid, home]
    }),
  )
  return [
    { root: '/var/lib/containers/storage', runRoot: '/run/containers/storage' },
    { root: '/run/containers/storage', runRoot: '/run/containers/storage' },
    ...namesIn('/run/user').flatMap((uid) => {
      const home = homes.get(uid)
      return home === undefined
        ? []
        : [{ root: `${home}/.local/share/containers/storage`, runRoot: `/run/user/${uid}/containers` }]
    }),
  ]
}

/** The list of containers lies in a folder named by the storage driver: `overlay-containers`. */
function storage({ root, runRoot }: Storage): EngineContainer[] {
  return namesIn(root)
    .filter((folder) => folder.endsWith('-containers'))
    .flatMap((folder) => {
      const list = json(fileText(`${root}/${folder}/containers.json`))
      if (!Array.isArray(list)) return []
      return list.flatMap((entry: unknown) => {
        const id = textIn(entry, 'id')
        const names = isRecord(entry) && Array.isArray(entry['names']) ? entry['names'] : []
        if (id === undefined || typeof names[0] !== 'string') return []
        const data = `${runRoot}/${folder}/${id}/userdata`
        return [
          {
            id,
            engine: 'podman' as const,
            name: names[0],
            ...pidIn(`${data}/pidfile`),
            ...files(`${data}/resolv.conf`, `${data}/hosts`),
          },
        ]
      })
    })
}

function containerd(): EngineContainer[] {
  return namesIn(containerdTasks).flatMap((namespace) =>
    namesIn(`${containerdTasks}/${namespace}`).map((id) => {
      const folder = `${containerdTasks}/${namespace}/${id}`
      const annotations = objectAt(`${folder}/config.json`)?.['annotations']
      const found = nameAnnotations.find((key) => textIn(annotations, key) !== undefined)
      const name = found === undefined ? undefined : textIn(annotations, found)
      return {
        id,
        engine: engineIn(namespace, found),
        ...(name === undefined ? {} : { name }),
        ...pidIn(`${folder}/init.pid`),
      }
    }),
  )
}

/** containerd's own namespaces are its clients': Kubernetes, dockerd, and by its names nerdctl. */
function engineIn(namespace: string, annotation: string | undefined): FileEngine {
  if (namespace === 'k8s.io') return 'cri'
  if (namespace === 'moby') return 'docker'
  return annotation === 'nerdctl/name' ? 'nerdctl' : 'containerd'
}

function pidIn(path: string): Pick<EngineContainer, 'pid'> {
  const pid = Number(fileText(path)?.trim() ?? '')
  return Number.isInteger(pid) && pid > 0 ? { pid } : {}
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
