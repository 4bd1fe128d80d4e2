/**
 * Our nft table as a whole: whose it is, and making it somebody's.
 *
 * A table can belong to a netlink socket, whose messages alone change it, and be persistent, so that it outlives the
 * socket (Linux 6.9). libnftables cannot say so before 1.1 and complains of an `add table` over such a table, because
 * it would give up what the table is. So what concerns the table alone is said here.
 *
 * @module
 */

import type { Exchange } from '../netlink/exchange.ts'
import { openExchange } from '../netlink/exchange.ts'
import {
  NETLINK_NETFILTER,
  type TableChange,
  type TableName,
  tableFlagsIn,
  tableGet,
  tablesTransaction,
} from '../netlink/nftables.ts'
import { ENOENT, SystemError } from '../system/errno.ts'

export const ownTable: TableName = { family: 'inet', name: 'tsnet' }

/**
 * `plain`: anybody's, as ever. `owned`: of a socket, whoever's that is. `left`: its owner has let go or was killed; it is
 * anybody's, and the next owner's who asks.
 */
export type TableState = 'none' | 'plain' | 'owned' | 'left'

/** How our table is, by one question. */
export function tableState(exchange?: Exchange): TableState {
  const asked = exchange ?? openExchange(NETLINK_NETFILTER)
  try {
    const [answer] = asked.ask([tableGet(ownTable)])
    if (answer?.errno === ENOENT) return 'none'
    const [told] = answer?.messages ?? []
    if (answer?.errno !== 0 || told === undefined)
      throw new SystemError('NFT_MSG_GETTABLE', answer?.errno ?? 0)
    const { owned, persistent } = tableFlagsIn(told)
    return owned ? 'owned' : persistent ? 'left' : 'plain'
  } finally {
    if (exchange === undefined) asked.close()
  }
}

/** One transaction. @throws SystemError with what the kernel says */
export function changeTables(exchange: Exchange, changes: readonly TableChange[]): void {
  const refused = exchange.ask(tablesTransaction(changes)).find(({ errno = 0 }) => errno !== 0)
  if (refused !== undefined) throw new SystemError('nf_tables', refused.errno ?? 0)
}

const addsTable = /^\s*add table inet tsnet\s*$/m

/** It makes our table where that is not there. */
export function makesTable(script: string): boolean {
  return addsTable.test(script) && !/^\s*delete table inet tsnet\s*$/m.test(script)
}

/** What adds our table goes, and leaves its line, by whose number errors are told. */
export function withoutTable(script: string): string {
  return script.replace(new RegExp(addsTable, 'gm'), '')
}

/** As libnftables can say it about the table as it is. */
export function fitting(script: string, exchange?: Exchange): string {
  if (!addsTable.test(script)) return script
  const state = tableState(exchange)
  return state === 'left' || state === 'owned' ? withoutTable(script) : script
}
