/**
 * Asking the keeper of DHCP leases, and starting one where none runs.
 *
 * @module
 */

import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Lease } from '../../dhcp/options.ts'
import { type ErrorCode, errorCodes, fail } from '../../errors/codes.ts'
import { startDetached } from '../../kernel/system/daemon.ts'
import { flocker } from '../../kernel/system/lock.ts'
import { fileExists } from '../../state/files.ts'
import { askKeeper, type DhcpAnswer, type DhcpRequest, type LeaseOrder, type LeaseOwner } from './control.ts'

/** Where the keeper listens, and what starts one; absent: nobody does. */
export interface KeeperPlace {
  readonly socketPath: string
  readonly program?: string
}

export interface Dhcp {
  /** @throws TSNET_NO_ANSWER (busy), TSNET_DAEMON_UNREACHABLE (unavailable) */
  acquire(place: KeeperPlace, order: LeaseOrder): Promise<Lease>
  /** Nothing where no keeper runs: it has no lease then. */
  release(place: KeeperPlace, owner: LeaseOwner): Promise<void>
  /** @returns the lease as it is now; undefined where there is none */
  find(place: KeeperPlace, owner: LeaseOwner): Promise<Lease | undefined>
  gc(
    place: KeeperPlace,
    network: string,
    valid: readonly { readonly container: string; readonly ifname: string }[],
  ): Promise<void>
  /** A keeper runs. */
  isThere(place: KeeperPlace): Promise<boolean>
}

/** Longer than a keeper is patient with a server (its -resendtimeout). */
const answerLimitMs = 300_000
const startLimitMs = 15_000
const pauseMs = 20

export const dhcp: Dhcp = {
  acquire: async (place, order) => {
    const request: DhcpRequest = { op: 'acquire', order }
    const answer = (await ask(place, request)) ?? (await startAndAsk(place, request))
    const { lease } = good(answer)
    if (lease !== undefined) return lease
    throw fail('TSNET_INTERNAL', { message: 'the keeper of DHCP leases gave none' })
  },
  release: async (place, owner) => {
    const answer = await ask(place, { op: 'release', owner })
    if (answer !== undefined) good(answer)
  },
  find: async (place, owner) => {
    const answer = await ask(place, { op: 'check', owner })
    return answer === undefined ? undefined : good(answer).lease
  },
  gc: async (place, network, valid) => {
    const answer = await ask(place, { op: 'gc', network, valid })
    if (answer !== undefined) good(answer)
  },
  isThere: async (place) => (await ask(place, { op: 'status' })) !== undefined,
}

async function ask({ socketPath }: KeeperPlace, request: DhcpRequest): Promise<DhcpAnswer | undefined> {
  return fileExists(socketPath) ? askKeeper(socketPath, request, answerLimitMs) : undefined
}

/** All that find none at the same time start one keeper. */
async function startAndAsk(place: KeeperPlace, request: DhcpRequest): Promise<DhcpAnswer> {
  const { socketPath, program } = place
  if (program === undefined) throw unreachable(place, 'none runs')
  mkdirSync(dirname(socketPath), { recursive: true })
  const lock = `${socketPath}.lock`
  const log = `${socketPath}.log`
  const held = await flocker.acquire(lock, { exclusive: true, timeoutMs: startLimitMs, transient: true })
  try {
    if ((await ask(place, { op: 'status' })) === undefined) {
      const started = startDetached([program, 'daemon', '-socketpath', socketPath, '-on-demand'], log)
      const deadline = performance.now() + startLimitMs
      while ((await ask(place, { op: 'status' })) === undefined) {
        const ended = started.exitCode()
        if (ended !== undefined || performance.now() > deadline)
          throw unreachable(place, ended === undefined ? 'it does not answer' : `it ended with ${ended}`)
        await sleep(pauseMs)
      }
    }
    // Still under the lock: a keeper without a lease ends itself.
    const answer = ask(place, request)
    held.release()
    const told = await answer
    if (told !== undefined) return told
    throw unreachable(place, 'it ended before it answered')
  } finally {
    held.release()
  }
}

function unreachable({ socketPath }: KeeperPlace, why: string): Error {
  return fail('TSNET_DAEMON_UNREACHABLE', {
    message: `asking the keeper of DHCP leases at ${socketPath}: ${why}`,
    value: socketPath,
    hint: 'start one: /opt/cni/bin/dhcp daemon',
  })
}

function good(answer: DhcpAnswer): Extract<DhcpAnswer, { ok: true }> {
  if (answer.ok) return answer
  const { code, message, hint } = answer
  const known = (Object.keys(errorCodes) as ErrorCode[]).find((one) => one === code) ?? 'TSNET_INTERNAL'
  throw fail(known, { message, ...(hint === undefined ? {} : { hint }) })
}
