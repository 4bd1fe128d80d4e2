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
import { type Box, type Contender, type Folders, hostPortOf, runProgram } from './contender.ts'
import { benchNetwork, containerId } from './library.ts'
import { type Command, openStarter } from './starter.ts'

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

export async function openReference(at: Folders): Promise<Contender> {
  return open(at, { folder: referenceFolder, network: 'bench', plugins: reference })
}

/** Our plugins of the same names, with the same configuration. */
export async function openChain(at: Folders): Promise<Contender> {
  return open(at, { folder: `${at.root}/dist/cni`, network: 'bench', plugins: reference })
}

export interface PluginSetting {
  /** `launcher/node`: each call starts Node; `cni`: the static launcher asks the daemon. */
  readonly where: 'cni' | 'launcher/node'
  readonly firewall: 'nftables' | 'iptables'
}

export async function openPlugin(at: Folders, { where, firewall }: PluginSetting): Promise<Contender> {
  const { name, subnets } = benchNetwork
  const tsnet = `${at.root}/dist/bin/tsnet`
  const create = ['network', 'create', name, '--subnet', subnets[0], '-o', 'dns=false']
  runProgram([process.execPath, tsnet, ...create, '--firewall', firewall])
  const plugins = [{ type: 'tsnet', firewall, ...portMappings }]
  return open(at, { folder: `${at.root}/dist/${where}`, network: name, plugins })
}

function open(at: Folders, { folder, network, plugins }: Chain): Contender {
  const starter = openStarter(at)
  const results = new Map<number, unknown>()
  const call = (command: 'ADD' | 'DEL', box: Box, plugin: Plugin, prevResult: unknown): Command => ({
    argv: [`${folder}/${plugin.type}`],
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
  const [only] = plugins
  return {
    attach: async (box) => {
      let [ms, result] = [0, undefined as unknown]
      for (const plugin of plugins) {
        const ended = await starter.one(call('ADD', box, plugin, result))
        result = JSON.parse(ended.output)
        ms += ended.ms
      }
      results.set(box.number, result)
      return { ms }
    },
    detach: async (box) => {
      let ms = 0
      for (const plugin of [...plugins].reverse())
        ms += (await starter.one(call('DEL', box, plugin, results.get(box.number)))).ms
      return { ms }
    },
    ...(only === undefined || plugins.length > 1
      ? {}
      : {
          together: {
            attach: (boxes) => starter.all(boxes.map((box) => call('ADD', box, only, undefined))),
            detach: (boxes) => starter.all(boxes.map((box) => call('DEL', box, only, undefined))),
          },
        }),
    close: async () => starter.close(),
  }
}

function runtimeConfig({ capabilities }: Plugin, box: Box): unknown {
  if (capabilities === undefined) return undefined
  return { portMappings: [{ hostPort: hostPortOf(box), containerPort: 80, protocol: 'tcp' }] }
}
