/**
 * An open sandbox: a descriptor of its namespace, and an rtnetlink socket born
 * inside.
 *
 * @module
 */

import { closeSync } from 'node:fs'
import { fail } from '../../errors/codes.ts'
import type { SandboxIdentity } from '../../model/sandbox.ts'
import type { OpenSandbox } from '../kernel.ts'
import { toLinkFacts } from '../look/facts.ts'
import { decodeLinks, linkList } from '../netlink/link.ts'
import { decodeDefaults, routeList } from '../netlink/route.ts'
import { openRouteSocket, type RouteSocket } from '../netlink/socket.ts'
import { readSysctls } from '../system/sysctl.ts'
import { identityHere, isOwnNetns, openNetns, withNetns } from './netns.ts'

/** Indexes of links by name, as far as they are known; they never leave the kernel room. */
export type LinkIndexes = Map<string, number>

/** What the executor needs besides what everybody sees. */
export interface LinuxSandbox extends OpenSandbox {
  readonly fd: number
  readonly socket: RouteSocket
  readonly indexes: LinkIndexes
  /**
   * Sysctls of a link that was just made here, by key, as the answer about the
   * link had them. Reading one from /proc/sys/net takes the longer the more
   * namespaces there are: 0.14 ms with 400 (measured, Linux 6.18).
   */
  readonly told: Map<string, string>
}

const opened = new WeakSet<OpenSandbox>()

/** @throws TSNET_NOT_A_NETNS (invalid), TSNET_NOT_PERMITTED (forbidden) */
export async function openLinuxSandbox(path: string): Promise<LinuxSandbox> {
  const fd = openNetns(path)
  let socket: RouteSocket | undefined
  try {
    const inside = withNetns(fd, () => ({ identity: identityHere(), socket: openRouteSocket() }))
    socket = inside.socket
    return sandboxOf({ path, fd, ...inside, own: isOwnNetns(fd) })
  } catch (error) {
    socket?.close()
    closeSync(fd)
    throw error
  }
}

interface Parts {
  readonly path: string
  readonly fd: number
  readonly socket: RouteSocket
  readonly identity: SandboxIdentity
  readonly own: boolean
}

function sandboxOf(parts: Parts): LinuxSandbox {
  let open = true
  const indexes: LinkIndexes = new Map()
  const sandbox: LinuxSandbox = {
    ...parts,
    indexes,
    told: new Map(),
    links: async () => {
      const links = decodeLinks(await parts.socket.dump(linkList()))
      indexes.clear()
      for (const { name, index } of links) indexes.set(name, index)
      return toLinkFacts(links)
    },
    sysctls: (keys) => withNetns(parts.fd, () => readSysctls(keys)),
    defaultRoutes: async () => decodeDefaults(await parts.socket.dump(routeList())),
    close: () => {
      if (!open) return
      open = false
      parts.socket.close()
      closeSync(parts.fd)
    },
  }
  opened.add(sandbox)
  return sandbox
}

/** The sandbox as this kernel opened it. */
export function ours(sandbox: OpenSandbox): LinuxSandbox {
  if (!opened.has(sandbox)) {
    throw fail('TSNET_INTERNAL', { message: `sandbox ${sandbox.path} was opened by another kernel` })
  }
  return sandbox as LinuxSandbox
}
