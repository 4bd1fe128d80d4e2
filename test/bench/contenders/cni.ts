/**
 * CNI plugins, executed as a runtime does: one process after the other, each fed
 * with the result of the one before, and backwards for DEL.
 *
 * Debian's reference plugins are chained as podman's default network does it:
 * bridge with host-local, portmap, firewall, tuning. Ours is one plugin that does
 * the same, on a network that is there already, as cni0 is for theirs.
 *
 * @see https://www.cni.dev/docs/spec/
 * @module
 */
import { type Box, type Contender, type Folders, hostPortOf, runProgram, timed } from './contender.ts'
import { benchNetwork, containerId } from './library.ts'

const referenceFolder = '/usr/lib/cni'
const cniVersion = '1.0.0'

type Plugin = Readonly<Record<string, unknown>> & { readonly type: string }

interface Chain {
  readonly folder: string
  readonly network: string
  readonly plugins: readonly Plugin[]
}

const portMappings = { capabilities: { portMappings: true } }

const reference: readonly Plugin[] = [
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
  { type: 'portmap', ...portMappings },
  { type: 'firewall' },
  { type: 'tuning' },
]

export async function openReference(): Promise<Contender> {
  return open({ folder: referenceFolder, network: 'bench', plugins: reference })
}

/** `launcher/node`: each call starts Node; `cni`: the static launcher asks the daemon. */
export async function openPlugin({ root }: Folders, where: 'cni' | 'launcher/node'): Promise<Contender> {
  const { name, subnets } = benchNetwork
  const tsnet = `${root}/dist/bin/tsnet`
  const create = ['network', 'create', name, '--subnet', subnets[0], '-o', 'dns=false']
  runProgram([process.execPath, tsnet, ...create, '--firewall', 'nftables'])
  const plugins = [{ type: 'tsnet', firewall: 'nftables', ...portMappings }]
  return open({ folder: `${root}/dist/${where}`, network: name, plugins })
}

function open({ folder, network, plugins }: Chain): Contender {
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
        name: network,
        runtimeConfig: runtimeConfig(plugin, box),
        prevResult,
      }),
    })
  return {
    attach: (box) =>
      timed(() => {
        let result: unknown
        for (const plugin of plugins) result = JSON.parse(call('ADD', box, plugin, result))
        results.set(box.number, result)
      }),
    detach: (box) =>
      timed(() => {
        for (const plugin of [...plugins].reverse()) call('DEL', box, plugin, results.get(box.number))
      }),
    close: async () => undefined,
  }
}

function runtimeConfig({ capabilities }: Plugin, box: Box): unknown {
  if (capabilities === undefined) return undefined
  return { portMappings: [{ hostPort: hostPortOf(box), containerPort: 80, protocol: 'tcp' }] }
}
