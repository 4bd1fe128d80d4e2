/**
 * Where the two packages with a compiled part are loaded.
 *
 * koffi costs 5-7 ms and netlink's raw socket 2-3 ms to load, so both wait for
 * their first use; `require` because callers such as `isAlive` are synchronous.
 * Only netlink's `raw.js` is taken: its index loads nl80211 and WireGuard too.
 *
 * @module
 */

import { createRequire } from 'node:module'
import type Koffi from 'koffi'
import type { RawNetlinkSocket } from 'netlink/dist/raw.js'

export type KoffiModule = typeof Koffi
export type RawSocket = RawNetlinkSocket

const require = createRequire(import.meta.url)

let koffi: KoffiModule | undefined

/** Kept here: Node keeps loaded modules too, but looks up their path each time, and each errno is asked of it. */
export function loadKoffi(): KoffiModule {
  koffi ??= require('koffi') as KoffiModule
  return koffi
}

export function loadRawSocket(): typeof RawNetlinkSocket {
  return (require('netlink/dist/raw.js') as { RawNetlinkSocket: typeof RawNetlinkSocket }).RawNetlinkSocket
}

/** Memory that stays where it is: pointers into it are given to the kernel. */
export function pinned(bytes: number): { readonly bytes: Buffer; readonly address: bigint } {
  const memory = Buffer.allocUnsafeSlow(bytes).fill(0)
  return { bytes: memory, address: BigInt(loadKoffi().address(memory)) }
}
