/**
 * Everything that is compared, by name.
 *
 * @module
 */
import { openCni } from './cni.ts'
import { openCommand } from './command.ts'
import type { OpenContender } from './contender.ts'
import { openKernel } from './kernel.ts'
import { openLibrary } from './library.ts'
import { openNetavark } from './netavark.ts'

export interface Entry {
  /** What the table says. */
  readonly about: string
  readonly open: OpenContender
  /** Means something only on a host without other containers. */
  readonly alone?: boolean
}

export type ContenderName =
  | 'kernel'
  | 'library-nftables'
  | 'library-iptables'
  | 'command-nftables'
  | 'command-iptables'
  | 'first-nftables'
  | 'first-iptables'
  | 'cni'
  | 'netavark'

export const contenders: Readonly<Record<ContenderName, Entry>> = {
  kernel: { about: "the kernel's own cost (C)", open: openKernel },
  'library-nftables': { about: 'tsnet, library, nftables', open: (at) => openLibrary(at, 'nftables') },
  'library-iptables': { about: 'tsnet, library, iptables', open: (at) => openLibrary(at, 'iptables') },
  'command-nftables': {
    about: 'tsnet, command, nftables',
    open: (at) => openCommand(at, 'nftables', 'bench'),
  },
  'command-iptables': {
    about: 'tsnet, command, iptables',
    open: (at) => openCommand(at, 'iptables', 'bench'),
  },
  'first-nftables': {
    about: 'the same, nftables, with its network',
    alone: true,
    open: (at) => openCommand(at, 'nftables', 'default'),
  },
  'first-iptables': {
    about: 'the same, iptables, with its network',
    alone: true,
    open: (at) => openCommand(at, 'iptables', 'default'),
  },
  cni: { about: 'reference CNI chain', open: () => openCni() },
  netavark: { about: 'netavark', open: () => openNetavark() },
}

export const contenderNames: readonly ContenderName[] = Object.keys(contenders) as ContenderName[]
