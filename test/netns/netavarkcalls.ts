/**
 * netavark called as podman calls it, with one network `nNUMBER` (10.70.NUMBER.0/24).
 *
 * @module
 */
import type { Container, Host } from '../../netns-fixtures/host.ts'
import { type Json, podman6 } from '../unit/adapters/netavark/requests.ts'
import { ours } from './netavarks.ts'

export interface Joined {
  readonly box: Container
  readonly number: number
  /** Of the network. */
  readonly network?: Json
  /** Of the joining. */
  readonly joining?: Json
  readonly call?: Json
}

export const addressOf = (number: number): string => `10.70.${number}.2`

export function request({ box, number, network = {}, joining = {}, call = {} }: Joined): string {
  return podman6((podman) => {
    const name = `n${number}`
    Object.assign(podman.network, {
      name,
      id: `${number}`.repeat(64).slice(0, 64),
      network_interface: `podman${number}`,
      subnets: [{ subnet: `10.70.${number}.0/24`, gateway: `10.70.${number}.1` }],
      ...network,
    })
    Object.assign(podman.joining, { name, static_ips: [addressOf(number)], ...joining })
    Object.assign(podman.call, {
      container_id: `c${number}-${box.pid}`,
      container_name: `c${number}`,
      network_info: { [name]: podman.network },
      ...call,
    })
  })
}

export interface Way {
  readonly verb: 'setup' | 'teardown'
  readonly firewall?: string
  readonly folder?: string
  readonly env?: Readonly<Record<string, string>>
}

export async function netavark(
  host: Host,
  joined: Joined,
  { verb, firewall, folder = ours, env = {} }: Way,
): Promise<Json> {
  const words = ['--config', '/run/nv', `--aardvark-binary=${folder}/aardvark-dns`, verb, joined.box.netns]
  await host.sh('mkdir -p /run/nv')
  const { stdout } = await host.run(
    ['sh', '-c', 'printf %s "$INPUT" | "$@"', 'sh', `${folder}/netavark`, ...words],
    {
      env: {
        INPUT: request(joined),
        TSNET_VIA: 'local',
        ...env,
        ...(firewall ? { NETAVARK_FW: firewall } : {}),
      },
    },
  )
  return (stdout === '' ? {} : JSON.parse(stdout)) as Json
}

/** A set-up that may be refused. @returns the error's text; undefined where it worked */
export async function refusal(host: Host, joined: Joined): Promise<string | undefined> {
  await host.sh('mkdir -p /run/nv')
  const { stdout } = await host.run(
    [
      ...['sh', '-c', 'printf %s "$INPUT" | "$@"', 'sh', `${ours}/netavark`],
      ...['--config', '/run/nv', 'setup', joined.box.netns],
    ],
    { env: { INPUT: request(joined), TSNET_VIA: 'local' }, expectExit: 'any' },
  )
  return (JSON.parse(stdout) as { readonly error?: string }).error
}

/** As Debian's reads it: networks as a map. */
export function older(joined: Joined): Joined {
  const parsed = JSON.parse(request(joined)) as { readonly networks: readonly Json[] }
  const [one] = parsed.networks as [Json]
  return { ...joined, call: { ...joined.call, networks: { [one['name'] as string]: one } } }
}
