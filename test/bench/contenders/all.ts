/**
 * Everything that is compared, by name.
 *
 * @module
 */
import { openChain, openPlugin, openReference } from './cni.ts'
import { openCommand } from './command.ts'
import type { OpenContender } from './contender.ts'
import { openCrowd, openFirstCall, openRange } from './daemon.ts'
import { openHook } from './hook.ts'
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
  /** One container more is there all the time: bridge, rules and name server of its network are warm. */
  readonly neighbour?: boolean
  /** It cannot attach several at once. */
  readonly singly?: boolean
  /** Measured by a part (parts/) and not in the rounds. */
  readonly ofPart?: boolean
}

export type ContenderName =
  | 'kernel'
  | 'library-nftables'
  | 'library-iptables'
  | 'launcher-plugin'
  | 'launcher-plugin-iptables'
  | 'launcher-chain'
  | 'launcher-command'
  | 'launcher-command-iptables'
  | 'launcher-hook'
  | 'podman-nftables'
  | 'podman-iptables'
  | 'podman-dns'
  | 'command-nftables'
  | 'command-iptables'
  | 'first-nftables'
  | 'first-iptables'
  | 'plugin'
  | 'plugin-iptables'
  | 'cni'
  | 'netavark'
  | 'netavark-dns'
  | 'first-call'
  | 'crowd'
  | 'range'

/** What shall be compared with a goal is named in goals.ts; README.md tells how to add one. */
export const contenders: Readonly<Record<ContenderName, Entry>> = {
  kernel: { about: "the kernel's own cost (C)", resident: true, singly: true, open: openKernel },
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
  'launcher-plugin': {
    about: 'tsnet, CNI plugin, launcher, nftables',
    resident: true,
    open: (at) => openPlugin(at, { where: 'cni', firewall: 'nftables' }),
  },
  'launcher-plugin-iptables': {
    about: 'tsnet, CNI plugin, launcher, iptables',
    resident: true,
    open: (at) => openPlugin(at, { where: 'cni', firewall: 'iptables' }),
  },
  'launcher-chain': { about: 'tsnet, CNI chain, launcher', resident: true, singly: true, open: openChain },
  'launcher-command': {
    about: 'tsnet, command, launcher, nftables',
    resident: true,
    open: (at) => openCommand(at, { how: 'launcher', firewall: 'nftables', network: 'bench' }),
  },
  'launcher-command-iptables': {
    about: 'tsnet, command, launcher, iptables',
    resident: true,
    open: (at) => openCommand(at, { how: 'launcher', firewall: 'iptables', network: 'bench' }),
  },
  'launcher-hook': {
    about: 'tsnet, OCI hook, launcher, nftables',
    resident: true,
    open: (at) => openHook(at, 'nftables'),
  },
  'podman-nftables': {
    about: "tsnet as podman's netavark, nftables",
    resident: true,
    neighbour: true,
    open: (at) => openNetavark(at, { whose: 'tsnet', firewall: 'nftables' }),
  },
  'podman-iptables': {
    about: "tsnet as podman's netavark, iptables",
    resident: true,
    neighbour: true,
    open: (at) => openNetavark(at, { whose: 'tsnet', firewall: 'iptables' }),
  },
  'podman-dns': {
    about: "tsnet as podman's netavark, nftables, names",
    resident: true,
    neighbour: true,
    open: (at) => openNetavark(at, { whose: 'tsnet', firewall: 'nftables', dns: true }),
  },
  'command-nftables': {
    about: 'tsnet, cold command, nftables',
    open: (at) => openCommand(at, { how: 'node', firewall: 'nftables', network: 'bench' }),
  },
  'command-iptables': {
    about: 'tsnet, cold command, iptables',
    open: (at) => openCommand(at, { how: 'node', firewall: 'iptables', network: 'bench' }),
  },
  'first-nftables': {
    about: 'the same, nftables, with its network',
    alone: true,
    open: (at) => openCommand(at, { how: 'node', firewall: 'nftables', network: 'default' }),
  },
  'first-iptables': {
    about: 'the same, iptables, with its network',
    alone: true,
    open: (at) => openCommand(at, { how: 'node', firewall: 'iptables', network: 'default' }),
  },
  plugin: {
    about: 'tsnet, cold CNI plugin, nftables',
    open: (at) => openPlugin(at, { where: 'launcher/node', firewall: 'nftables' }),
  },
  'plugin-iptables': {
    about: 'tsnet, cold CNI plugin, iptables',
    open: (at) => openPlugin(at, { where: 'launcher/node', firewall: 'iptables' }),
  },
  cni: { about: 'reference CNI chain', open: openReference },
  netavark: {
    about: 'netavark',
    neighbour: true,
    open: (at) => openNetavark(at, { whose: 'debian', firewall: 'iptables' }),
  },
  'netavark-dns': {
    about: 'netavark and aardvark-dns',
    neighbour: true,
    open: (at) => openNetavark(at, { whose: 'debian', firewall: 'iptables', dns: true }),
  },
  'first-call': { about: 'a call that starts tsnetd', ofPart: true, open: openFirstCall },
  crowd: { about: 'tsnet, many containers', ofPart: true, open: openCrowd },
  range: { about: 'tsnet, 50,000 UDP ports', ofPart: true, open: openRange },
}

/** Those of the rounds. */
export const contenderNames: readonly ContenderName[] = (Object.keys(contenders) as ContenderName[]).filter(
  (name) => contenders[name].ofPart !== true,
)
