/**
 * Everything that is compared, by name.
 *
 * @module
 */
import { openPlugin, openReference } from './cni.ts'
import { openCommand, openLauncher } from './command.ts'
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
  /** It lives in a process that has done the same before: a pair that does not count comes right before each that does. */
  readonly resident?: boolean
}

export type ContenderName =
  | 'kernel'
  | 'library-nftables'
  | 'library-iptables'
  | 'command-nftables'
  | 'command-iptables'
  | 'first-nftables'
  | 'first-iptables'
  | 'plugin'
  | 'launcher-plugin'
  | 'launcher-command'
  | 'cni'
  | 'netavark'
  | 'netavark-dns'
  | 'podman-nftables'
  | 'podman-iptables'
  | 'podman-dns'

export const contenders: Readonly<Record<ContenderName, Entry>> = {
  kernel: { about: "the kernel's own cost (C)", resident: true, open: openKernel },
  'library-nftables': {
    about: 'tsnet, library, nftables',
    resident: true,
    open: (at) => openLibrary(at, 'nftables'),
  },
  'library-iptables': {
    about: 'tsnet, library, iptables',
    resident: true,
    open: (at) => openLibrary(at, 'iptables'),
  },
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
  plugin: { about: 'tsnet, CNI plugin', open: (at) => openPlugin(at, 'launcher/node') },
  'launcher-plugin': { about: 'tsnet, CNI plugin, launcher', open: (at) => openPlugin(at, 'cni') },
  'launcher-command': { about: 'tsnet, command, launcher', open: (at) => openLauncher(at) },
  cni: { about: 'reference CNI chain', open: openReference },
  netavark: {
    about: 'netavark',
    open: (at) => openNetavark(at, { whose: 'debian', firewall: 'iptables' }),
  },
  'netavark-dns': {
    about: 'netavark and aardvark-dns',
    open: (at) => openNetavark(at, { whose: 'debian', firewall: 'iptables', dns: true }),
  },
  'podman-nftables': {
    about: "tsnet as podman's netavark, nftables",
    open: (at) => openNetavark(at, { whose: 'tsnet', firewall: 'nftables' }),
  },
  'podman-iptables': {
    about: "tsnet as podman's netavark, iptables",
    open: (at) => openNetavark(at, { whose: 'tsnet', firewall: 'iptables' }),
  },
  'podman-dns': {
    about: "tsnet as podman's netavark, nftables, names",
    open: (at) => openNetavark(at, { whose: 'tsnet', firewall: 'nftables', dns: true }),
  },
}

export const contenderNames: readonly ContenderName[] = Object.keys(contenders) as ContenderName[]
