/**
 * What other servers said, for as long as they said it holds, and stale for a
 * day longer, for when none of them answers.
 *
 * Bounded in entries and in bytes; what was used longest ago goes first. Pure:
 * the caller brings the time.
 *
 * @see RFC 2308 (negative answers), RFC 8767 (stale answers)
 * @module
 */

import type { UpstreamReply } from './reply.ts'

export interface Cached {
  readonly reply: UpstreamReply
  /** Which server said so. */
  readonly server: string
  /** Milliseconds, by the caller's clock. */
  readonly storedAt: number
}

export interface Cache {
  /** @returns what is kept, fresh or stale */
  get(key: string, nowMs: number): { readonly cached: Cached; readonly fresh: boolean } | undefined
  put(key: string, cached: Cached): void
  clear(): void
  readonly size: number
  readonly bytes: number
}

const STALE_MS = 86_400_000
/** Bookkeeping of one entry beside the message, estimated. */
const ENTRY_BYTES = 400

export function createCache(limits: { readonly entries: number; readonly bytes: number }): Cache {
  const entries = new Map<string, Cached>()
  let bytes = 0
  const costOf = (key: string, { reply }: Cached): number => reply.message.length + key.length + ENTRY_BYTES
  const remove = (key: string): void => {
    const there = entries.get(key)
    if (there === undefined) return
    entries.delete(key)
    bytes -= costOf(key, there)
  }
  return {
    get: (key, nowMs) => {
      const cached = entries.get(key)
      if (cached === undefined) return undefined
      const ageMs = nowMs - cached.storedAt
      const keepMs = cached.reply.keepSeconds * 1000
      if (ageMs >= keepMs + STALE_MS) {
        remove(key)
        return undefined
      }
      // Used just now: to the end of the line.
      entries.delete(key)
      entries.set(key, cached)
      return { cached, fresh: ageMs < keepMs }
    },
    put: (key, cached) => {
      remove(key)
      entries.set(key, cached)
      bytes += costOf(key, cached)
      for (const oldest of entries.keys()) {
        if (entries.size <= limits.entries && bytes <= limits.bytes) break
        remove(oldest)
      }
    },
    clear: () => {
      entries.clear()
      bytes = 0
    },
    get size() {
      return entries.size
    },
    get bytes() {
      return bytes
    },
  }
}
