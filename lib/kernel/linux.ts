/**
 * The real kernel: rtnetlink, /proc/sys, nft and iptables of this host.
 *
 * One socket into the host's namespace is opened at first use and kept. Not
 * responsible for what any of it means: facts go out, steps come in.
 *
 * @module
 */

import type { LoweredStep } from '../plan/step.ts'
import { applySteps } from './executor/apply.ts'
import type { Sides } from './executor/handler.ts'
import { createLinkRemover, type LinkRemover } from './executor/link-remover.ts'
import { missingSteps } from './executor/missing.ts'
import { revertSteps } from './executor/revert.ts'
import type { Kernel, KernelOptions, OpenSandbox } from './kernel.ts'
import { findLink, findWayOut, readHost, readHostAddresses, toLinkFact } from './look/facts.ts'
import { requireBackend, requireRoot } from './look/requirements.ts'
import { bootId, identityHere, isAlive } from './namespace/netns.ts'
import { type LinkIndexes, openLinuxSandbox, ours } from './namespace/sandbox.ts'
import { openRouteSocket, type RouteSocket } from './netlink/socket.ts'
import { portHolding } from './packets/portholder.ts'
import { portHolder, portHolders } from './packets/ports.ts'
import { foreignDrops, userRules } from './rules/foreign.ts'
import { lostRules, mendRules } from './rules/mend-rules.ts'
import { rulesOwning } from './rules/nft-owner.ts'
import { iptablesVariant } from './rules/restore-run.ts'
import { ruleFolder } from './rules/rule-folder.ts'
import { taggedRules } from './rules/tagged.ts'
import { linkIndex } from './system/libc.ts'
import { startNameServer } from './system/nameserver.ts'
import { readSysctls } from './system/sysctl.ts'
import { refusedSysctl } from './system/sysctltrial.ts'
import { readChangeable, readText } from './system/textfile.ts'

interface Host {
  readonly socket: RouteSocket
  readonly remover: LinkRemover
}

/** @throws nothing: what is missing on this host shows at first use */
export function createLinuxKernel(options: KernelOptions = {}): Kernel {
  let opened: Host | undefined
  /** What the last look at the host told; forgotten with each apply, because links come and go. */
  let known: LinkIndexes = new Map()

  function host(): Host {
    if (opened === undefined) {
      const socket = openRouteSocket()
      opened = { socket, remover: createLinkRemover(socket, openRouteSocket) }
    }
    return opened
  }

  function sides(sandbox: OpenSandbox | undefined, join: Sides['rules'] = ruleFolder.join): Sides {
    const indexes = known
    known = new Map()
    const inside = sandbox === undefined ? undefined : ours(sandbox)
    return { host: { socket: host().socket, indexes }, sandbox: inside, rules: join }
  }

  /** Others' rules wait for those of these steps until they have come, or will not come. */
  async function withRules<T>(
    steps: readonly LoweredStep[],
    work: (join: Sides['rules']) => Promise<T>,
  ): Promise<T> {
    if (!steps.some(({ kind }) => kind === 'rules')) return work(ruleFolder.join)
    const arrived = ruleFolder.approach()
    try {
      return await work((order) => {
        arrived()
        return ruleFolder.join(order)
      })
    } finally {
      arrived()
    }
  }

  return {
    openSandbox: openLinuxSandbox,
    isAlive,
    bootId,
    identity: () => {
      try {
        return identityHere()
      } catch {
        return undefined
      }
    },
    hostFacts: async () => {
      const { links, facts } = await readHost(host().socket)
      for (const { name, index } of links) known.set(name, index)
      return facts
    },
    hostLink: async (name) => {
      const link = await findLink(host().socket, name)
      known.delete(name)
      if (link === undefined) return undefined
      known.set(name, link.index)
      const master = link.master === undefined ? undefined : await findLink(host().socket, link.master)
      return toLinkFact(link, master?.name)
    },
    hasHostLink: (name) => {
      const index = linkIndex(name)
      if (index === 0) known.delete(name)
      else known.set(name, index)
      return index !== 0
    },
    wayOut: (family) => findWayOut(host().socket, family),
    hostAddresses: () => readHostAddresses(host().socket),
    hostSysctls: readSysctls,
    refusedSysctl,
    hostText: readText,
    changeableText: readChangeable,
    foreignDrops,
    portHolder,
    portHolders,
    portHolding,
    rulesOwning,
    startNameServer,
    userRules,
    iptablesVariant,
    requireRoot,
    requireBackend,
    apply: async (steps, sandbox) => {
      try {
        return await withRules(steps, (join) => applySteps(steps, sides(sandbox, join), options.onStep))
      } catch (error) {
        return { results: steps.map(() => undefined), tried: 0, error }
      }
    },
    revert: async (steps, sandbox) => {
      let arrived: (() => void) | undefined
      try {
        const { remover } = host()
        arrived = remover.approach()
        return await withRules(steps, (join) =>
          revertSteps(steps, sides(sandbox, join), (links) => {
            arrived?.()
            return remover.remove(links)
          }),
        )
      } catch (error) {
        return [error]
      } finally {
        arrived?.()
      }
    },
    approach: (what) => {
      const arrivals = [ruleFolder.approach(), ...(what === 'revert' ? [host().remover.approach()] : [])]
      return () => {
        for (const arrived of arrivals) arrived()
      }
    },
    missing: (steps, sandbox) => missingSteps(steps, sides(sandbox)),
    lostRules,
    mendRules,
    taggedRules,
    close: () => {
      opened?.socket.close()
      opened?.remover.close()
      opened = undefined
    },
  }
}
