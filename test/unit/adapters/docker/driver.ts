/**
 * The driver on a kernel of memory: calls as dockerd writes them, answers as it
 * gets them.
 *
 * @module
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach } from 'vitest'
import type { NetworkDocument } from '../../../../lib/adapters/docker/networks.ts'
import { createProtocol } from '../../../../lib/adapters/docker/protocol.ts'
import { openRemoteEngine, type RemoteEngine } from '../../../../lib/engine/endpoint/remote.ts'
import type { Kernel } from '../../../../lib/kernel/kernel.ts'
import { createMemoryKernel } from '../../../../lib/kernel/memory/memory.ts'

/** Ids as Docker's. */
export const ids: Readonly<Record<'network' | 'other' | 'web' | 'db', string>> = {
  network: 'ab87'.repeat(16),
  other: 'cd01'.repeat(16),
  web: '1234'.repeat(16),
  db: '5678'.repeat(16),
}

export interface Tried {
  readonly engine: RemoteEngine
  readonly stateDir: string
  /** What was said of files that cannot be used. */
  readonly said: readonly string[]
  /** @param body an object, or what stands in the body */
  call(method: string, body?: object | string): Promise<object>
  status(method: string, body: string | undefined): Promise<number>
  /** Its other end lies on the host for an hour, where Docker has left it. */
  leaveBehind(endpoint: string): void
  /** Links, rules and records. */
  dump(): string
  /** The kernel answers nothing from now on. @returns what ends that */
  hang(): () => void
  /** When nothing is owed any more. */
  settled(): Promise<void>
}

const ends: (() => void)[] = []
afterEach(() => {
  for (const end of ends.splice(0)) end()
})

/** Of a call while the kernel hangs. */
export const hungLimitMs = 40

export function tryDriver(): Tried {
  const stateDir = mkdtempSync(join(tmpdir(), 'tsnet-docker-'))
  ends.push(() => rmSync(stateDir, { recursive: true, force: true }))
  const memory = createMemoryKernel()
  let open: Promise<void> = Promise.resolve()
  const kernel: Kernel = {
    ...memory,
    apply: (...parts) => open.then(() => memory.apply(...parts)),
    revert: (...parts) => open.then(() => memory.revert(...parts)),
  }
  const said: string[] = []
  const engine = openRemoteEngine(kernel, {
    ...{ stateDir, firewall: 'nftables' },
    onWarning: (text) => void said.push(text),
  })
  const parts = {
    engine,
    documents: engine.documents<NetworkDocument>(),
    changed: () => undefined,
  }
  const patient = createProtocol(parts)
  // What should succeed is not hurried: the machine may be slow.
  const hurried = createProtocol({ ...parts, limitMs: hungLimitMs })
  let protocol = patient
  const settled = async (): Promise<void> => {
    while (hurried.owed() + patient.owed() > 0) await new Promise((resolve) => setTimeout(resolve, 5))
  }
  const text = (body: object | string | undefined): string =>
    typeof body === 'string' ? body : body === undefined ? '' : `${JSON.stringify(body)}\n`
  return {
    engine,
    stateDir,
    said,
    call: async (method, body) => {
      const answer = await protocol.answer(`/${method}`, text(body))
      // What is done behind the answer: only a kernel that hangs shows it.
      if (protocol === patient) await settled()
      return answer.body
    },
    status: async (method, body) => (await protocol.answer(`/${method}`, body)).status,
    leaveBehind: (endpoint) => {
      const then = new Date(Date.now() - 3_600_000).toISOString()
      for (const key of [`~${endpoint}`, `~${endpoint}~ports`]) {
        const file = join(stateDir, 'containers', `${key}.json`)
        const text = readFileSync(file, 'utf8')
        writeFileSync(file, text.replace(/"createdAt":\s*"[^"]*"/g, `"createdAt":"${then}"`))
      }
    },
    // Forwarding stays on: others may rely on it by then.
    dump: () => memory.dump().replace(/^ *sysctl net\/ipv[46]\/\S*forward\S*\n/gm, ''),
    hang: () => {
      let release: () => void = () => undefined
      open = new Promise((resolve) => {
        release = resolve
      })
      protocol = hurried
      return () => {
        protocol = patient
        release()
      }
    },
    settled,
  }
}

/** `docker network create -d tsnet --subnet 10.60.0.0/24`. */
export const createNetwork: Readonly<Record<string, unknown>> = {
  NetworkID: ids.network,
  Options: { 'com.docker.network.enable_ipv6': false, 'com.docker.network.generic': {} },
  IPv4Data: [{ AddressSpace: 'LocalDefault', Gateway: '10.60.0.1/24', Pool: '10.60.0.0/24' }],
  IPv6Data: [],
}

/** `docker run --network`: what Docker's own IPAM has chosen. */
export const createEndpoint: Readonly<Record<string, unknown>> = {
  NetworkID: ids.network,
  EndpointID: ids.web,
  Interface: { Address: '10.60.0.2/24', AddressIPv6: '', MacAddress: '' },
  Options: { 'com.docker.network.endpoint.exposedports': [], 'com.docker.network.portmap': [] },
}

export const endpoint: Readonly<Record<string, unknown>> = { NetworkID: ids.network, EndpointID: ids.web }
