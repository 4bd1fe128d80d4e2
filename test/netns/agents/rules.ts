/**
 * The rules side of the kernel room, driven from outside: one JSON request a
 * line on standard input, one `answer N …` line for each on standard output.
 *
 * Runs inside a throwaway host; the test that starts it stays outside.
 *
 * @module
 */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { isTsnetError } from '../../../lib/errors/codes.ts'
import { requireBackend, requireRoot } from '../../../lib/kernel/look/requirements.ts'
import { flushFlows } from '../../../lib/kernel/packets/conntrack.ts'
import { portHolder, portHolders } from '../../../lib/kernel/packets/ports.ts'
import { foreignDrops, userRules } from '../../../lib/kernel/rules/foreign.ts'
import { missingRules, restore, revertRestore } from '../../../lib/kernel/rules/iptables.ts'
import { legacyTables } from '../../../lib/kernel/rules/legacytables.ts'
import { missingNft, queryNft, revertNft, runNft } from '../../../lib/kernel/rules/nft.ts'
import { changeElements, mayHaveChain } from '../../../lib/kernel/rules/nft-elements.ts'
import { iptablesVariant } from '../../../lib/kernel/rules/restore-run.ts'
import { flocker } from '../../../lib/kernel/system/lock.ts'
import { spawnCount } from '../../../lib/kernel/system/run.ts'
import type { LockHandle } from '../../../lib/state/lock.ts'

const locks = new Map<string, LockHandle>()

const calls = {
  runNft,
  revertNft,
  changeElements,
  mayHaveChain,
  missingNft,
  queryNft,
  restore,
  revertRestore,
  missingRules,
  iptablesVariant,
  legacyTables,
  flushFlows,
  portHolder: (protocol: 'tcp' | 'udp', address: string | null, port: number) =>
    portHolder(protocol, (address ?? undefined) as never, port),
  portHolders: (protocol: 'tcp' | 'udp', address: string | null, first: number, count: number) =>
    portHolders(protocol, (address ?? undefined) as never, first, count),
  foreignDrops,
  userRules,
  requireBackend,
  requireRoot,
  spawnCount,
  lock: async (path: string, options: Parameters<typeof flocker.acquire>[1]) => {
    locks.set(path, await flocker.acquire(path, options))
  },
  unlock: (path: string) => locks.get(path)?.release(),
  /** Starts a child that outlives this process. */
  startChild: () => spawn('sleep', ['60'], { detached: true, stdio: 'ignore' }).pid,
  /** Microseconds per call, the median of many. */
  time: async (call: 'runNft' | 'lock', count: number) => {
    const times: number[] = []
    for (let i = 0; i < count; i++) {
      const start = performance.now()
      if (call === 'runNft') await runNft(`add element inet timing ports { ${1000 + i} : 10.0.0.2 . 80 }`)
      else (await flocker.acquire('/run/timing', { exclusive: true, timeoutMs: 1000 })).release()
      times.push(performance.now() - start)
    }
    return Math.round((times.sort((a, b) => a - b)[count >> 1] ?? 0) * 1000)
  },
} as const

export type RulesCall =
  | 'runNft'
  | 'revertNft'
  | 'changeElements'
  | 'mayHaveChain'
  | 'missingNft'
  | 'queryNft'
  | 'restore'
  | 'revertRestore'
  | 'missingRules'
  | 'iptablesVariant'
  | 'legacyTables'
  | 'flushFlows'
  | 'portHolder'
  | 'portHolders'
  | 'foreignDrops'
  | 'userRules'
  | 'requireBackend'
  | 'requireRoot'
  | 'spawnCount'
  | 'lock'
  | 'unlock'
  | 'startChild'
  | 'time'

for await (const line of createInterface({ input: process.stdin })) {
  const { id, call, args } = JSON.parse(line) as { id: number; call: RulesCall; args: unknown[] }
  const made = calls[call] as (...args: unknown[]) => unknown
  const answer = await Promise.resolve()
    .then(() => made(...args))
    .then(
      (value) => ({ value }),
      (error: unknown) => ({ error: isTsnetError(error) ? error.toJSON() : { message: String(error) } }),
    )
  process.stdout.write(`answer ${id} ${JSON.stringify(answer)}\n`)
}
