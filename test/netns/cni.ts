/**
 * Calling CNI plugins in throwaway hosts, as an engine would.
 *
 * @module
 */
import type { Container, Host } from '../../netns-fixtures/host.ts'
import { repository } from '../../netns-fixtures/place.ts'
import type { RunResult } from '../../netns-fixtures/process.ts'

/** Where the sets of executables lie. */
export const ours: string = `${repository}dist/cni`
export const reference = '/usr/lib/cni'

export type Conf = Record<string, unknown>

export interface CniCall {
  readonly id?: string
  readonly ifname?: string
  readonly netns?: string
  readonly args?: string
  /** Folder of the executable. */
  readonly from?: string
  /** `CNI_PATH`. */
  readonly path?: string
  readonly prevResult?: unknown
  readonly env?: Readonly<Record<string, string>>
  /** Default 60 000. */
  readonly timeoutMs?: number
}

/** What plugins print, as far as tests look at it. */
export interface CniDocument {
  readonly cniVersion: string
  readonly interfaces: readonly { readonly name: string; readonly mac?: string; readonly sandbox?: string }[]
  readonly ips: readonly {
    readonly address: string
    readonly gateway?: string
    readonly interface?: number
  }[]
  readonly routes: readonly { readonly dst: string; readonly gw?: string }[]
  readonly dns?: Record<string, unknown>
  readonly supportedVersions: readonly string[]
  readonly code: number
  readonly msg: string
  readonly details?: string
}

export interface CniAnswer extends RunResult {
  /** An empty object where nothing was printed. */
  readonly json: CniDocument
}

/** Calls the plugin of `conf.type`; never throws for a failing one. */
export async function cni(host: Host, command: string, conf: Conf, call: CniCall = {}): Promise<CniAnswer> {
  const { id = 'c1', ifname = 'eth0', netns = '', args = '', from = ours, path = from, prevResult } = call
  const env = {
    CNI_COMMAND: command,
    CNI_CONTAINERID: id,
    CNI_IFNAME: ifname,
    CNI_NETNS: netns,
    CNI_ARGS: args,
    CNI_PATH: path,
    // What plugins do is looked at here; that a daemon does the same, in 710-launcher and by the engines of 402.
    TSNET_VIA: 'local',
    ...call.env,
  }
  const stdin = JSON.stringify(prevResult === undefined ? conf : { ...conf, prevResult })
  const result = await host.run([`${from}/${String(conf['type'])}`], {
    stdin,
    env,
    expectExit: 'any',
    timeoutMs: call.timeoutMs ?? 60_000,
  })
  return { ...result, json: JSON.parse(result.stdout.trim() === '' ? '{}' : result.stdout) as CniDocument }
}

/** ADD through a list, as libcni does. @returns the final result */
export async function addChain(host: Host, confs: readonly Conf[], call: CniCall): Promise<CniDocument> {
  let prevResult: CniDocument | undefined
  for (const conf of confs) {
    const answer = await cni(host, 'ADD', conf, { ...call, prevResult })
    if (answer.exitCode !== 0)
      throw new Error(`${String(conf['type'])} ADD: ${answer.stdout}${answer.stderr}`)
    prevResult = answer.json
  }
  return prevResult as CniDocument
}

/** DEL through a list, backwards. @returns what failed */
export async function delChain(host: Host, confs: readonly Conf[], call: CniCall): Promise<string[]> {
  const failures: string[] = []
  for (const conf of [...confs].reverse()) {
    const answer = await cni(host, 'DEL', conf, call)
    if (answer.exitCode !== 0) failures.push(`${String(conf['type'])}: ${answer.stdout}${answer.stderr}`)
  }
  return failures
}

/** CHECK through a list. @returns what failed */
export async function checkChain(host: Host, confs: readonly Conf[], call: CniCall): Promise<string[]> {
  const failures: string[] = []
  for (const conf of confs) {
    const answer = await cni(host, 'CHECK', conf, call)
    if (answer.exitCode !== 0) failures.push(`${String(conf['type'])}: ${answer.json.msg ?? answer.stderr}`)
  }
  return failures
}

export interface ListOptions {
  readonly version?: string
  readonly name?: string
  readonly ports?: readonly unknown[]
  readonly bridge?: Conf
  readonly subnets?: readonly string[]
}

/** The list everybody writes: bridge, host-local, portmap, firewall, tuning. */
export function usualList(options: ListOptions = {}): Conf[] {
  const { version = '1.0.0', name = 'n1', ports = [], subnets = ['10.22.0.0/24'] } = options
  const common = { cniVersion: version, name }
  return [
    {
      ...common,
      type: 'bridge',
      bridge: 'cni0',
      isGateway: true,
      ipMasq: true,
      hairpinMode: true,
      ipam: {
        type: 'host-local',
        ranges: subnets.map((subnet) => [{ subnet }]),
        routes: subnets.map((subnet) => ({ dst: subnet.includes(':') ? '::/0' : '0.0.0.0/0' })),
      },
      ...options.bridge,
    },
    {
      ...common,
      type: 'portmap',
      capabilities: { portMappings: true },
      runtimeConfig: { portMappings: ports },
    },
    { ...common, type: 'firewall' },
    { ...common, type: 'tuning' },
  ]
}

/** A container with `lo` up, as engines hand them over. */
export async function box(host: Host): Promise<Container> {
  const container = await host.container()
  await container.sh('ip link set lo up')
  return container
}
