/**
 * Where the next address is taken from: behind the one given out last.
 *
 * On disk that is the last address that is really used, so that a set-up that
 * fails leaves no gap. Set-ups of one process that are on their way are behind
 * one another in memory, else a hundred that begin together would each try the
 * addresses of all before it: 10,000 files that exist already.
 *
 * @module
 */

import { isTsnetError } from '../../errors/codes.ts'
import type { LeaseStore } from '../../ipam/leases.ts'
import type { LeaseFiles, Owner } from '../../state/reservations.ts'

/** One set-up's. */
export interface AddressTurn {
  readonly store: LeaseStore<Owner>
  /** The container is up: the next ones come behind its addresses. */
  used(): void
  /** It is up, or has given back what it took. */
  over(): void
}

interface Given {
  readonly address: string
  readonly turn: symbol
}

/** For the whole process, whichever call asks. */
const onTheirWay = new Map<string, Given>()

export function addressTurn(leases: LeaseFiles): AddressTurn {
  const turn = Symbol('turn')
  const notes: (() => void)[] = []
  const mine: string[] = []
  const keyOf = (network: string, family: number): string => `${leases.folder}/${network} ${family}`
  return {
    store: {
      ...leases,
      last: (network, family) =>
        onTheirWay.get(keyOf(network, family))?.address ?? leases.last(network, family),
      setLast: (network, family, address) => {
        const key = keyOf(network, family)
        onTheirWay.set(key, { address, turn })
        mine.push(key)
        notes.push(() => leases.setLast(network, family, address))
      },
    },
    used: () => {
      try {
        for (const note of notes) note()
      } catch (error) {
        // It must not be what a container that is up fails of: the next one looks further.
        if (!isTsnetError(error)) throw error
      }
    },
    over: () => {
      // Those behind it go on from theirs.
      for (const key of mine) if (onTheirWay.get(key)?.turn === turn) onTheirWay.delete(key)
    },
  }
}
