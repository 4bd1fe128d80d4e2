/**
 * Contenders of parts, which measure tsnetd: a call that has to start it, and a
 * host full of containers.
 *
 * @module
 */
import { type Box, type Contender, type Folders, hostPortOf } from './contender.ts'
import { containerId } from './library.ts'
import { type Command, openStarter } from './starter.ts'

const firewall = ['--firewall', 'nftables'] as const

/** `attach` is a call that finds no daemon; `detach` ends the one it has started. */
export async function openFirstCall(at: Folders): Promise<Contender> {
  const starter = openStarter(at)
  const tsnet = (...words: readonly string[]): Command => ({
    argv: [`${at.root}/dist/launcher/tsnet`, ...words],
  })
  return {
    attach: () => starter.one(tsnet('ls', '--json')),
    detach: () => starter.one(tsnet('daemon', 'stop')),
    close: async () => starter.close(),
  }
}

const bridges = 4
const portsOfEach = 10

/** Together they come with ten ports each, on several bridges; one by one with one. */
export async function openCrowd(at: Folders): Promise<Contender> {
  const starter = openStarter(at)
  const tsnet = (...words: readonly string[]): Command => ({
    argv: [`${at.root}/dist/launcher/tsnet`, ...words, ...firewall, '--json'],
  })
  for (let nth = 0; nth < bridges; nth++) {
    const subnet = ['--subnet', `10.${90 + nth}.0.0/16`, '-o', 'dns=false']
    await starter.one(tsnet('network', 'create', `bench${nth}`, ...subnet))
  }
  const setup = (box: Box, ports: readonly number[]): Command => {
    const named = ['--pid', `${box.pid}`, '--id', containerId(box), '--container-name', `c${box.number}`]
    const published = ports.flatMap((port) => ['-p', `${port}:80`])
    return tsnet('setup', ...named, '--network', `bench${box.number % bridges}`, ...published)
  }
  const many = ({ number }: Box): readonly number[] =>
    Array.from({ length: portsOfEach }, (_, i) => 10_000 + portsOfEach * number + i)
  const teardown = (box: Box): Command => tsnet('teardown', '--id', containerId(box))
  return {
    attach: (box) => starter.one(setup(box, [hostPortOf(box) + 10_000])),
    detach: (box) => starter.one(teardown(box)),
    together: {
      attach: (boxes) => starter.all(boxes.map((box) => setup(box, many(box)))),
      detach: (boxes) => starter.all(boxes.map(teardown)),
    },
    close: async () => starter.close(),
  }
}

/** With a range of 50,000 UDP ports. */
export async function openRange(at: Folders): Promise<Contender> {
  const starter = openStarter(at)
  const tsnet = (...words: readonly string[]): Command => ({
    argv: [`${at.root}/dist/launcher/tsnet`, ...words, ...firewall, '--json'],
  })
  await starter.one(tsnet('network', 'create', 'bench', '--subnet', '10.90.0.0/16', '-o', 'dns=false'))
  const ports = ['-p', '10000-59999:10000-59999/udp']
  return {
    attach: (box) =>
      starter.one(
        tsnet('setup', '--pid', `${box.pid}`, '--id', containerId(box), '--network', 'bench', ...ports),
      ),
    detach: (box) => starter.one(tsnet('teardown', '--id', containerId(box))),
    close: async () => starter.close(),
  }
}
