/**
 * Every way to have a container set up and taken down, called alike.
 *
 * @module
 */
import { createRequire } from 'node:module'
import type { ContainerNetwork } from '../../lib/index.ts'
import type { Container, Host } from '../../netns-fixtures/host.ts'
import { repository } from '../../netns-fixtures/place.ts'
import type { RunOptions, RunResult } from '../../netns-fixtures/process.ts'
import { podman6, port as publishedPort } from '../unit/adapters/netavark/requests.ts'

type Firewall = 'nftables' | 'iptables'

/** One container from its set-up to its end. */
export interface Life {
  readonly id: string
  readonly box: Container
  /** Whose turn it is: two lives of one seat never overlap. */
  readonly seat: number
  readonly port: number
  readonly firewall: Firewall
}

export interface Given {
  readonly addresses: readonly string[]
  readonly macs: readonly string[]
}

export type DoorName = 'command' | 'launcher' | 'library' | 'cni' | 'netavark'

interface Door {
  /** @returns undefined where the port was another's at that moment */
  setUp(life: Life): Promise<Given | undefined>
  tearDown(life: Life): Promise<unknown>
}

export type Doors = Readonly<Record<DoorName, Door>>

const limit: RunOptions = { timeoutMs: 60_000 }
const refused = (text: string): boolean => /publishing \S+: held by|TSNET_PORT_IN_USE/.test(text)

function givenBy({ attachments }: ContainerNetwork): Given {
  return {
    addresses: attachments.flatMap(({ addresses }) => addresses.map((one) => one.replace(/\/.*/, ''))),
    macs: attachments.flatMap(({ mac }) => (mac === undefined ? [] : [mac])),
  }
}

/** The command line, as the launcher or as a program of Node. */
function commandDoor(host: Host, program: readonly string[], via: string | undefined): Door {
  const env = { TSNET_VIA: via }
  return {
    setUp: async ({ id, box, seat, port, firewall }) => {
      const who = ['--netns', box.netns, '--id', id, '--container-name', `seat${seat}`]
      const words = ['setup', ...who, '-p', `${port}:80`, '--firewall', firewall, '--json']
      const result = await host.run([...program, ...words], { ...limit, env, expectExit: 'any' })
      if (result.exitCode === 0) return givenBy(JSON.parse(result.stdout) as ContainerNetwork)
      if (result.exitCode === 4 && refused(result.stderr)) return undefined
      throw new Error(`set-up of ${id}: exit code ${result.exitCode}: ${result.stderr}`)
    },
    tearDown: ({ id }) => host.run([...program, 'teardown', id], { ...limit, env }),
  }
}

/** The library, in one process that lives as long as the test. */
function libraryDoor(host: Host): Door {
  const loader = createRequire(import.meta.url).resolve('tsx')
  const argv = [process.execPath, '--import', loader, 'test/netns/agents/lives.ts']
  const agent = host.start(argv, { cwd: repository })
  let last = 0
  const call = async (
    request: object,
  ): Promise<{ given?: ContainerNetwork; code?: string; error?: string }> => {
    const nth = ++last
    agent.write(`${JSON.stringify({ nth, ...request })}\n`)
    const line = new RegExp(`^${nth} (.*)\n`, 'm')
    return JSON.parse(line.exec(await agent.waitFor(line, 60_000))?.[1] ?? '{}') as object
  }
  return {
    setUp: async ({ id, box, seat, port, firewall }) => {
      const request = {
        sandbox: box.netns,
        container: { id, name: `seat${seat}` },
        publish: [`${port}:80`],
        firewall,
      }
      const { given, code, error } = await call({ request })
      if (given !== undefined) return givenBy(given)
      if (code === 'TSNET_PORT_IN_USE') return undefined
      throw new Error(`set-up of ${id} by the library: ${error}`)
    },
    tearDown: async ({ id }) => {
      const { error } = await call({ container: id })
      if (error !== undefined) throw new Error(`teardown of ${id} by the library: ${error}`)
    },
  }
}

interface CniAnswer {
  readonly ips: readonly { readonly address: string }[]
  readonly interfaces: readonly { readonly mac?: string; readonly sandbox?: string }[]
}

function cniDoor(host: Host): Door {
  const call = async (command: 'ADD' | 'DEL', { id, box, port, firewall }: Life): Promise<RunResult> => {
    const ports = { portMappings: [{ hostPort: port, containerPort: 80, protocol: 'tcp' }] }
    const conf = { cniVersion: '1.0.0', name: 'pods', type: 'tsnet', firewall, runtimeConfig: ports }
    return host.run([`${repository}dist/cni/tsnet`], {
      ...limit,
      stdin: JSON.stringify(conf),
      env: {
        CNI_COMMAND: command,
        CNI_CONTAINERID: id,
        CNI_IFNAME: 'eth0',
        CNI_NETNS: box.netns,
        CNI_PATH: `${repository}dist/cni`,
      },
    })
  }
  return {
    setUp: async (life) => {
      const { ips, interfaces } = JSON.parse((await call('ADD', life)).stdout) as CniAnswer
      return {
        addresses: ips.map(({ address }) => address.replace(/\/.*/, '')),
        macs: interfaces.flatMap(({ mac, sandbox }) => (sandbox && mac ? [mac] : [])),
      }
    },
    tearDown: (life) => call('DEL', life),
  }
}

interface NetavarkAnswer {
  readonly podnet: {
    readonly interfaces: {
      readonly eth0: { readonly mac_address: string; readonly subnets: readonly { readonly ipnet: string }[] }
    }
  }
}

/** podman chooses the addresses itself: here each seat has its own. */
function netavarkDoor(host: Host): Door {
  const call = (verb: 'setup' | 'teardown', { id, box, seat, port, firewall }: Life): Promise<RunResult> => {
    const stdin = podman6((podman) => {
      Object.assign(podman.network, {
        name: 'podnet',
        network_interface: 'podman7',
        subnets: [{ subnet: '10.77.0.0/16', gateway: '10.77.0.1' }],
      })
      Object.assign(podman.joining, {
        name: 'podnet',
        static_ips: [`10.77.${seat >> 7}.${2 + (seat & 127)}`],
      })
      Object.assign(podman.call, {
        container_id: id,
        container_name: `pod${seat}`,
        network_info: { podnet: podman.network },
        port_mappings: [publishedPort({ host_port: port })],
      })
    })
    const words = ['--config', '/run/podnet', verb, box.netns]
    return host.run([`${repository}dist/podman/netavark`, ...words], {
      ...limit,
      stdin,
      env: { NETAVARK_FW: firewall },
    })
  }
  return {
    setUp: async (life) => {
      const { eth0 } = (JSON.parse((await call('setup', life)).stdout) as NetavarkAnswer).podnet.interfaces
      return {
        addresses: eth0.subnets.map(({ ipnet }) => ipnet.replace(/\/.*/, '')),
        macs: [eth0.mac_address],
      }
    },
    tearDown: (life) => call('teardown', life),
  }
}

export function openDoors(host: Host): Doors {
  return {
    command: commandDoor(host, [process.execPath, `${repository}dist/bin/tsnet`], 'local'),
    launcher: commandDoor(host, [`${repository}dist/launcher/tsnet`], undefined),
    library: libraryDoor(host),
    cni: cniDoor(host),
    netavark: netavarkDoor(host),
  }
}
