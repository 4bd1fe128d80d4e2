/**
 * tsnet as a command: a Node start for each `tsnet setup` and `tsnet teardown`,
 * or the static launcher that asks the daemon.
 *
 * @module
 */
import { type Box, type Contender, type Folders, hostPortOf } from './contender.ts'
import { benchNetwork, containerId } from './library.ts'
import { type Command, openStarter } from './starter.ts'

/** `default`: the network is made by the first attach and removed by the last detach. */
export type CommandNetwork = 'bench' | 'default'

export interface CommandSetting {
  readonly how: 'node' | 'launcher'
  readonly firewall: 'nftables' | 'iptables'
  readonly network: CommandNetwork
}

export async function openCommand(
  at: Folders,
  { how, firewall, network }: CommandSetting,
): Promise<Contender> {
  const starter = openStarter(at)
  const program: readonly [string, ...string[]] =
    how === 'node' ? [process.execPath, `${at.root}/dist/bin/tsnet`] : [`${at.root}/dist/launcher/tsnet`]
  const tsnet = (...words: readonly string[]): Command => ({
    argv: [...program, ...words, '--firewall', firewall, '--json'],
  })
  if (network === 'bench') {
    const { name, subnets } = benchNetwork
    await starter.one(tsnet('network', 'create', name, '--subnet', subnets[0], '--ipv6', '-o', 'dns=false'))
  }
  const joining = network === 'bench' ? ['--network', benchNetwork.name] : []
  const setup = (box: Box): Command => {
    const named = ['--pid', `${box.pid}`, '--id', containerId(box), '--container-name', `c${box.number}`]
    return tsnet('setup', ...named, '-p', `${hostPortOf(box)}:80`, ...joining)
  }
  const teardown = (box: Box): Command => tsnet('teardown', '--id', containerId(box))
  return {
    attach: (box) => starter.one(setup(box)),
    detach: (box) => starter.one(teardown(box)),
    together: {
      attach: (boxes) => starter.all(boxes.map(setup)),
      detach: (boxes) => starter.all(boxes.map(teardown)),
    },
    close: async () => starter.close(),
  }
}
