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

export interface DockerApi {
  /** @returns undefined where no dockerd answers */
  view(): Promise<DockerView | undefined>
  /** @returns undefined where it is gone, or Docker is busy with it */
  container(id: string, endpoint: string): Promise<DockerContainer | undefined>
}

const limitMs = 3000
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
    Record<string, { readonly EndpointID?: string; readonly Aliases?: readonly string[] | null }>
  > | null
}

interface ListedContainer {
  readonly Id?: string
  readonly Names?: readonly string[]
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
      const page = await get<{ Config?: { Hostname?: string }; NetworkSettings?: Settings }>(
        socketPath,
        `/containers/${encodeURIComponent(id)}/json`,
      )
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
  }
}

function endpointsOf({
  Id = '',
  Names = [],
  NetworkSettings,
}: ListedContainer): readonly [string, DockerEndpoint][] {
  // Links of Docker's show here too: `/web/db`.
  const name = Names.find((one) => /^\/[^/]+$/.test(one))?.slice(1) ?? ''
  return Object.entries(NetworkSettings?.Networks ?? {}).flatMap(([network, { EndpointID = '' }]) =>
    EndpointID === '' ? [] : [[EndpointID, { container: Id, name, network }]],
  )
}

/** @returns undefined where nobody answers, or something else than a page */
function get<T>(socketPath: string, path: string): Promise<T | undefined> {
  return new Promise((resolve) => {
    const asking = request({ socketPath, path, agent: false, timeout: limitMs }, (response) => {
      const parts: Buffer[] = []
      let size = 0
      response.on('data', (part: Buffer) => {
        size += part.length
        parts.push(part)
        if (size > mostBytes) asking.destroy()
      })
      response.on('error', () => resolve(undefined))
      response.on('end', () => {
        if (response.statusCode !== 200) return resolve(undefined)
        try {
          resolve(JSON.parse(Buffer.concat(parts).toString()) as T)
        } catch {
          resolve(undefined)
        }
      })
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
