/**
 * What Docker's own API says of its networks and containers: the names it never
 * tells a driver. Asked outside every call, because dockerd holds locks while it
 * waits for one.
 *
 * @see https://docs.docker.com/reference/api/engine/
 * @module
 */

import { request } from 'node:http'

export interface DockerEndpoint {
  /** Full id. */
  readonly container: string
  readonly name: string
  /** Docker's name of the network. */
  readonly network: string
}

export interface DockerView {
  /** Names by id. */
  readonly networks: ReadonlyMap<string, string>
  /** Of running containers, by endpoint id. */
  readonly endpoints: ReadonlyMap<string, DockerEndpoint>
}

/** What only a single container's page says. */
export interface DockerContainer {
  readonly hostname?: string
  /** Path of its network namespace; absent while it is not running. */
  readonly sandbox?: string
  readonly aliases: readonly string[]
}

/** One that does not run. */
export interface DockerStopped {
  readonly id: string
  readonly name: string
  /** Docker starts it by itself: it has a restart policy. */
  readonly restarts: boolean
  /** Why its last start failed; empty where none has. */
  readonly fault: string
}

export interface DockerApi {
  /** @returns undefined where no dockerd answers */
  view(): Promise<DockerView | undefined>
  /** @returns undefined where it is gone, or Docker is busy with it */
  container(id: string, endpoint: string): Promise<DockerContainer | undefined>
  /** Those that have ended. @param networks ids; of containers on one of them */
  stopped(networks: ReadonlySet<string>): Promise<readonly DockerStopped[]>
  /** @returns whether it runs */
  start(id: string): Promise<boolean>
}

const limitMs = 3000
/** Docker prepares file systems meanwhile, and calls us. */
const startLimitMs = 60_000
const mostBytes = 64 * 1024 * 1024
/** Docker puts it among the aliases. */
const shortIdLength = 12

interface ListedNetwork {
  readonly Id?: string
  readonly Name?: string
}

interface Settings {
  readonly SandboxKey?: string
  readonly Networks?: Readonly<
    Record<
      string,
      {
        readonly NetworkID?: string
        readonly EndpointID?: string
        readonly Aliases?: readonly string[] | null
      }
    >
  > | null
}

interface ListedContainer {
  readonly Id?: string
  readonly Names?: readonly string[]
  readonly NetworkSettings?: Settings
}

interface Page {
  readonly Config?: { readonly Hostname?: string }
  readonly HostConfig?: { readonly RestartPolicy?: { readonly Name?: string } }
  readonly State?: { readonly Running?: boolean; readonly Error?: string }
  readonly NetworkSettings?: Settings
}

export function dockerApi(socketPath: string): DockerApi {
  return {
    view: async () => {
      const [networks, containers] = await Promise.all([
        get<readonly ListedNetwork[]>(socketPath, '/networks'),
        get<readonly ListedContainer[]>(socketPath, '/containers/json'),
      ])
      if (!Array.isArray(networks) || !Array.isArray(containers)) return undefined
      return {
        networks: new Map((networks as readonly ListedNetwork[]).map(({ Id = '', Name = '' }) => [Id, Name])),
        endpoints: new Map((containers as readonly ListedContainer[]).flatMap(endpointsOf)),
      }
    },
    container: async (id, endpoint) => {
      const page = await get<Page>(socketPath, pageOf(id))
      const own = Object.values(page?.NetworkSettings?.Networks ?? {}).find(
        ({ EndpointID }) => EndpointID === endpoint,
      )
      if (page === undefined || own === undefined) return undefined
      const { Hostname = '' } = page.Config ?? {}
      const { SandboxKey = '' } = page.NetworkSettings ?? {}
      return {
        ...(Hostname === '' ? {} : { hostname: Hostname }),
        ...(SandboxKey === '' ? {} : { sandbox: SandboxKey }),
        aliases: (own.Aliases ?? []).filter((alias) => alias !== id.slice(0, shortIdLength)),
      }
    },
    stopped: async (networks) => {
      const listed = await get<readonly ListedContainer[]>(
        socketPath,
        `/containers/json?all=1&filters=${ended}`,
      )
      const found: DockerStopped[] = []
      for (const { Id = '', Names = [], NetworkSettings } of Array.isArray(listed) ? listed : []) {
        const all = Object.values(NetworkSettings?.Networks ?? {}) as { readonly NetworkID?: string }[]
        if (!all.some(({ NetworkID = '' }) => networks.has(NetworkID))) continue
        const page = await get<Page>(socketPath, pageOf(Id))
        const policy = page?.HostConfig?.RestartPolicy?.Name ?? ''
        const restarts = policy !== '' && policy !== 'no'
        if (page?.State?.Running === false)
          found.push({ id: Id, name: nameOf(Names), restarts, fault: page.State.Error ?? '' })
      }
      return found
    },
    start: async (id) => {
      const path = `/containers/${encodeURIComponent(id)}/start`
      const answer = await ask(socketPath, { path, method: 'POST', limitMs: startLimitMs })
      return answer !== undefined && answer.status < 400
    },
  }
}

const ended = encodeURIComponent('{"status":["exited"]}')
const pageOf = (id: string): string => `/containers/${encodeURIComponent(id)}/json`

/** Links of Docker's show among them too: `/web/db`. */
const nameOf = (names: readonly string[]): string =>
  names.find((one) => /^\/[^/]+$/.test(one))?.slice(1) ?? ''

function endpointsOf({
  Id = '',
  Names = [],
  NetworkSettings,
}: ListedContainer): readonly [string, DockerEndpoint][] {
  const name = nameOf(Names)
  return Object.entries(NetworkSettings?.Networks ?? {}).flatMap(([network, { EndpointID = '' }]) =>
    EndpointID === '' ? [] : [[EndpointID, { container: Id, name, network }]],
  )
}

/** @returns undefined where nobody answers, or something else than a page */
async function get<T>(socketPath: string, path: string): Promise<T | undefined> {
  const answer = await ask(socketPath, { path, method: 'GET', limitMs })
  if (answer?.status !== 200) return undefined
  try {
    return JSON.parse(answer.text) as T
  } catch {
    return undefined
  }
}

interface Question {
  readonly path: string
  readonly method: 'GET' | 'POST'
  readonly limitMs: number
}

/** @returns undefined where nobody answers in time */
function ask(
  socketPath: string,
  { path, method, limitMs }: Question,
): Promise<{ readonly status: number; readonly text: string } | undefined> {
  return new Promise((resolve) => {
    const asking = request({ socketPath, path, method, agent: false }, (response) => {
      const parts: Buffer[] = []
      let size = 0
      response.on('data', (part: Buffer) => {
        size += part.length
        parts.push(part)
        if (size > mostBytes) asking.destroy()
      })
      response.on('error', () => resolve(undefined))
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString() }),
      )
    })
    // A whole answer, not only a silent line.
    const timer = setTimeout(() => asking.destroy(), limitMs)
    asking.on('error', () => resolve(undefined))
    asking.on('close', () => {
      clearTimeout(timer)
      resolve(undefined)
    })
    asking.end()
  })
}
