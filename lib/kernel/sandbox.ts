/**
 * An open sandbox: a descriptor of its namespace, an rtnetlink socket born
 * inside, and what was found there.
 *
 * @module
 */

import { closeSync } from 'node:fs'
import { fail } from '../errors/codes.ts'
import type { SandboxFacts } from '../plan/facts.ts'
import { toLinkFacts } from './facts.ts'
import type { OpenSandbox } from './kernel.ts'
import { decodeLinks, linkList } from './netlink/link.ts'
import { decodeDefaults, routeList } from './netlink/route.ts'
import { openRouteSocket, type RouteSocket } from './netlink/socket.ts'
import { identityHere, isOwnNetns, openNetns, withNetns } from './netns.ts'
import { readSysctls } from './sysctl.ts'

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
    const links = decodeLinks(await socket.dump(linkList()))
    const facts = { identity: inside.identity, own: isOwnNetns(fd), links: toLinkFacts(links) }
    const indexes: LinkIndexes = new Map(links.map(({ name, index }) => [name, index]))
    return sandboxOf({ path, fd, socket: inside.socket, facts, indexes })
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
  readonly facts: SandboxFacts
  readonly indexes: LinkIndexes
}

function sandboxOf(parts: Parts): LinuxSandbox {
  let open = true
  const sandbox: LinuxSandbox = {
    ...parts,
    told: new Map(),
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
