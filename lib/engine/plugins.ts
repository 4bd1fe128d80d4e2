/**
 * The engine as plugins of others' engines need it: attachments whole or in
 * parts, address files, and foreign plugins.
 *
 * @module
 */

import type { Kernel } from '../kernel/kernel.ts'
import type { Address, Cidr } from '../model/address.ts'
import { createHostLocal, type HostLocal } from './attach/hostlocal.ts'
import type { EngineContext } from './context.ts'
import { type Dhcp, dhcp } from './dhcp/calls.ts'
import type { Engine, EngineOptions } from './engine.ts'
import { setForwarders } from './heal/refresh.ts'
import { createLocalEngine } from './local.ts'
import { linuxKernel, openContext } from './open.ts'
import { createParts, type Parts } from './parts/parts.ts'

export type { PartId, PartInterface } from '../drivers/cni/part.ts'
export type { PartOptions, PartType } from '../drivers/cni/registry.ts'
export { findProgram } from '../kernel/system/run.ts'
export type { HostLocal } from './attach/hostlocal.ts'
export type { PartRequest } from './parts/part.ts'
export type { Parts } from './parts/parts.ts'

export interface ProgramResult {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

export interface PluginEngine extends Engine {
  readonly parts: Parts
  readonly hostLocal: HostLocal
  readonly dhcp: Dhcp
  /** The namespace tsnet itself runs in. Never throws: what is no namespace is not ours either. */
  isOwnNetns(path: string): boolean
  /** The sandbox has a link of that name. @throws TSNET_NOT_A_NETNS (invalid) */
  hasInterface(netns: string, ifname: string): Promise<boolean>
  /** The subnet of a network that has no address left. */
  exhaustedSubnet(network: string): Promise<string | undefined>
  /** Starts a foreign plugin in our namespaces. */
  runProgram(
    program: string | readonly [string, ...string[]],
    call: { readonly input: string; readonly env: Readonly<Record<string, string | undefined>> },
  ): Promise<ProgramResult>
  /** The host has a link of that name. */
  hasLink(name: string): boolean
  /** IFLA_INFO_KIND of a link of the host, empty for physical ones; undefined where there is none. */
  linkKind(name: string): Promise<string | undefined>
  linkAddresses(name: string): Promise<readonly Cidr[]>
  /** Whether names of containers can be answered here. */
  readonly hasNames: boolean
  /** The port they are answered at where nobody says, if the host's file does. */
  readonly namesPort: number | undefined
  /** Whom names of a network are forwarded to from now on; none: whom the host asks. */
  setForwarders(network: string, servers: readonly Address[]): Promise<void>
  /** Which tool packet rules are made with where nobody says. */
  readonly firewall: EngineContext['backend']
}

/** @throws TSNET_NOT_ROOT (forbidden) */
export async function openPluginEngine(
  options: EngineOptions = {},
  kernel: Kernel = linuxKernel(options),
): Promise<PluginEngine> {
  const context = openContext(kernel, { lockTimeoutMs: lockLimitMs, ...options })
  const netns = await import('../kernel/namespace/netns.ts')
  return {
    ...createLocalEngine(context),
    parts: createParts(context),
    hostLocal: createHostLocal(context),
    dhcp,
    firewall: context.backend,
    hasLink: (name) => context.kernel.hasHostLink(name),
    linkKind: async (name) => (await context.kernel.hostLink(name))?.kind,
    linkAddresses: async (name) =>
      (await context.kernel.hostFacts()).addresses.filter(({ dev }) => dev === name).map(({ cidr }) => cidr),
    hasNames: context.names !== undefined,
    namesPort: context.hostConfig.dnsPort,
    setForwarders: (network, servers) => setForwarders(context, network, servers),
    exhaustedSubnet: async (network) =>
      (await import('./look/leasesleft.ts')).exhaustedSubnet(context, network),
    isOwnNetns: (path) => {
      try {
        return netns.isOwnNetns(path)
      } catch {
        return false
      }
    },
    hasInterface: async (path, ifname) => {
      const sandbox = await context.kernel.openSandbox(path)
      try {
        return (await sandbox.links()).some(({ name }) => name === ifname)
      } finally {
        sandbox.close()
      }
    },
    runProgram: async (program, { input, env }) => {
      const { exec } = await import('../kernel/system/exec.ts')
      return exec(typeof program === 'string' ? [program] : program, {
        input,
        env,
        timeoutMs: foreignLimitMs,
      })
    },
  }
}

/** Hundreds of pods start at once after a boot, and each waits for those before it. */
const lockLimitMs = 120_000

/** A DHCP server may take its time. */
const foreignLimitMs = 120_000
