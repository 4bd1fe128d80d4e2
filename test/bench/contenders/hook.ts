/**
 * tsnet as the hook of an OCI runtime: the state on standard input, the wishes in
 * its annotations, through the launcher.
 *
 * @module
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { type Box, type Contender, type Folders, hostPortOf, runProgram } from './contender.ts'
import { benchNetwork, containerId } from './library.ts'
import { type Command, openStarter } from './starter.ts'

const bundles = '/run/bench-bundles'

export async function openHook(at: Folders, firewall: 'nftables' | 'iptables'): Promise<Contender> {
  const { name, subnets } = benchNetwork
  const create = ['network', 'create', name, '--subnet', subnets[0], '--ipv6', '-o', 'dns=false']
  runProgram([process.execPath, `${at.root}/dist/bin/tsnet`, ...create, '--firewall', firewall])
  const starter = openStarter(at)
  const bundleOf = (box: Box): string => `${bundles}/${containerId(box)}`
  const hook = (box: Box, word: 'createRuntime' | 'poststop'): Command => ({
    argv: [`${at.root}/dist/hooks/tsnet-hook`, word],
    input: JSON.stringify({
      ociVersion: '1.0.2',
      id: containerId(box),
      status: word === 'poststop' ? 'stopped' : 'creating',
      pid: word === 'poststop' ? 0 : box.pid,
      bundle: bundleOf(box),
      annotations: {
        'net.tsnet.network': name,
        'net.tsnet.publish': `${hostPortOf(box)}:80`,
        'net.tsnet.firewall': firewall,
      },
    }),
  })
  /** As `runc create` finds it. */
  const unpack = (box: Box): void => {
    mkdirSync(`${bundleOf(box)}/rootfs/etc`, { recursive: true })
    writeFileSync(`${bundleOf(box)}/config.json`, '{"root":{"path":"rootfs"},"hostname":"box"}')
  }
  return {
    attach: (box) => {
      unpack(box)
      return starter.one(hook(box, 'createRuntime'))
    },
    detach: (box) => starter.one(hook(box, 'poststop')),
    together: {
      attach: (boxes) => {
        boxes.forEach(unpack)
        return starter.all(boxes.map((box) => hook(box, 'createRuntime')))
      },
      detach: (boxes) => starter.all(boxes.map((box) => hook(box, 'poststop'))),
    },
    close: async () => starter.close(),
  }
}
