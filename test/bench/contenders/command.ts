/**
 * tsnet as a command: a Node start for each `tsnet setup` and `tsnet teardown`.
 *
 * @module
 */
import { type Contender, type Folders, hostPortOf, runProgram, timed } from './contender.ts'
import { benchNetwork, containerId } from './library.ts'

/** `default`: the network is made by the first attach and removed by the last detach. */
export type CommandNetwork = 'bench' | 'default'

export async function openCommand(
  { root }: Folders,
  firewall: string,
  network: CommandNetwork,
): Promise<Contender> {
  const program = [process.execPath, `${root}/dist/bin/tsnet`] as const
  return open((...words) => runProgram([...program, ...words, '--firewall', firewall, '--json']), network)
}

/** The static launcher, which asks the daemon; nftables. */
export async function openLauncher({ root }: Folders): Promise<Contender> {
  const program = `${root}/dist/launcher/tsnet`
  return open((...words) => runProgram([program, ...words, '--firewall', 'nftables', '--json']), 'bench')
}

function open(tsnet: (...words: readonly string[]) => string, network: CommandNetwork): Contender {
  if (network === 'bench') {
    const { name, subnets } = benchNetwork
    tsnet('network', 'create', name, '--subnet', subnets[0], '--ipv6', '-o', 'dns=false')
  }
  const joining = network === 'bench' ? ['--network', benchNetwork.name] : []
  return {
    attach: (box) => {
      const named = ['--pid', `${box.pid}`, '--id', containerId(box), '--container-name', `c${box.number}`]
      return timed(() => tsnet('setup', ...named, '-p', `${hostPortOf(box)}:80`, ...joining))
    },
    detach: (box) => timed(() => tsnet('teardown', '--id', containerId(box))),
    close: async () => undefined,
  }
}
