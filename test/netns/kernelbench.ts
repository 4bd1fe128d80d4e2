/**
 * A host with one container and the kernel room at work in it, and the steps of a
 * small network with one endpoint.
 *
 * @module
 */

import type { Container, Host } from '../../netns-fixtures/host.ts'
import type { Lab } from '../../netns-fixtures/lab.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'
import { type KernelAgent, startKernelAgent } from './agents/kernel-client.ts'

/** A step as it is sent to the agent. */
interface WrittenStep {
  readonly kind: string
  readonly [field: string]: unknown
}

export const bridge = {
  kind: 'bridge',
  where: 'host',
  name: 'br0',
  mac: '02:42:0a:59:00:01',
  mtuBytes: 1400,
  alias: 'tsnet:network/demo',
}

export const network: readonly WrittenStep[] = [
  bridge,
  { kind: 'address', where: 'host', dev: 'br0', cidr: '10.89.0.1/24' },
  { kind: 'address', where: 'host', dev: 'br0', cidr: 'fd00:1::1/64' },
  { kind: 'linkUp', where: 'host', dev: 'br0' },
]

export const veth = {
  kind: 'veth',
  where: 'host',
  name: 'web-1',
  mac: 'fe:42:0a:59:00:02',
  mtuBytes: 1400,
  alias: 'tsnet:web/eth0',
  bridge: 'br0',
  peer: { name: 'eth0', mac: '02:42:0a:59:00:02' },
}

export const endpoint: readonly WrittenStep[] = [
  veth,
  { kind: 'bridgePort', where: 'host', name: 'web-1', hairpin: true, isolated: true },
  { kind: 'linkUp', where: 'sandbox', dev: 'lo', before: 'down' },
  {
    kind: 'sysctl',
    where: 'sandbox',
    key: 'net/ipv4/conf/eth0/rp_filter',
    value: '2',
    keep: false,
    optional: false,
  },
  { kind: 'address', where: 'sandbox', dev: 'eth0', cidr: '10.89.0.2/24' },
  { kind: 'address', where: 'sandbox', dev: 'eth0', cidr: 'fd00:1::2/64' },
  { kind: 'linkUp', where: 'sandbox', dev: 'eth0' },
  { kind: 'route', where: 'sandbox', to: '0.0.0.0/0', via: '10.89.0.1', dev: 'eth0' },
  { kind: 'route', where: 'sandbox', to: '::/0', via: 'fd00:1::1', dev: 'eth0', metric: 50 },
]

interface Bench {
  readonly host: Host
  readonly box: Container
  readonly kernel: KernelAgent
}

export async function bench(lab: Lab): Promise<Bench> {
  const host = await lab.host('h1')
  return { host, box: await lab.container(host), kernel: startKernelAgent(host) }
}

export async function pictures({
  host,
  box,
}: Bench): Promise<readonly Awaited<ReturnType<typeof snapshot>>[]> {
  return Promise.all([snapshot(host), snapshot(box)])
}

/** What the kernel itself never turns back: an unused lo gets a queue, a bridge the segment size of its first port. */
const except = [/^link: lo qdisc=/, /^link: br0 tso_max_size=/]

/** `- …` and `+ …` lines of host and container. */
export async function changesSince(
  before: Awaited<ReturnType<typeof pictures>>,
  bench: Bench,
): Promise<readonly (readonly string[])[]> {
  const after = await pictures(bench)
  return before.map((picture, index) => snapshotDifference(picture, after[index] ?? {}, { except }))
}

/** A bridge gets its link-local address with its first port, and keeps it. */
export async function firstPort({ box, kernel }: Bench): Promise<void> {
  await kernel.call('apply', endpoint, box.netns)
  await kernel.call('revert', endpoint, box.netns)
}

export const lines = async (host: Host | Container, command: string): Promise<string> =>
  (await host.sh(command)).stdout.replaceAll(/ +$/gm, '')
