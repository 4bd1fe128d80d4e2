/**
 * Debian's reference CNI plugins, chained as podman's default network does it
 * (bridge with host-local, portmap, firewall, tuning), executed as a runtime
 * does: one process after the other, each fed with the result of the one before,
 * and backwards for DEL.
 *
 * @see https://www.cni.dev/docs/spec/
 * @module
 */
import { type Box, type Contender, hostPortOf, runProgram, timed } from './contender.ts'
import { containerId } from './library.ts'

const folder = '/usr/lib/cni'
const cniVersion = '1.0.0'
const name = 'bench'

type Plugin = Readonly<Record<string, unknown>> & { readonly type: string }

const chain: readonly Plugin[] = [
  {
    type: 'bridge',
    bridge: 'cni-bench0',
    isGateway: true,
    ipMasq: true,
    hairpinMode: true,
    ipam: {
      type: 'host-local',
      ranges: [[{ subnet: '10.88.0.0/16' }]],
      routes: [{ dst: '0.0.0.0/0' }],
    },
  },
  { type: 'portmap', capabilities: { portMappings: true } },
  { type: 'firewall' },
  { type: 'tuning' },
]

export async function openCni(): Promise<Contender> {
  const results = new Map<number, unknown>()
  const call = (command: 'ADD' | 'DEL', box: Box, plugin: Plugin, prevResult: unknown): string =>
    runProgram([`${folder}/${plugin.type}`], {
      env: {
        CNI_COMMAND: command,
        CNI_CONTAINERID: containerId(box),
        CNI_NETNS: `/proc/${box.pid}/ns/net`,
        CNI_IFNAME: 'eth0',
        CNI_PATH: folder,
      },
      input: JSON.stringify({
        ...plugin,
        cniVersion,
        name,
        runtimeConfig: runtimeConfig(plugin, box),
        prevResult,
      }),
    })
  return {
    attach: (box) =>
      timed(() => {
        let result: unknown
        for (const plugin of chain) result = JSON.parse(call('ADD', box, plugin, result))
        results.set(box.number, result)
      }),
    detach: (box) =>
      timed(() => {
        for (const plugin of [...chain].reverse()) call('DEL', box, plugin, results.get(box.number))
      }),
    close: async () => undefined,
  }
}

function runtimeConfig({ type }: Plugin, box: Box): unknown {
  if (type !== 'portmap') return undefined
  return { portMappings: [{ hostPort: hostPortOf(box), containerPort: 80, protocol: 'tcp' }] }
}
