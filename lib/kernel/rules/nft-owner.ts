/**
 * Owning our nft table: nobody else's `nft flush ruleset` or `nft delete table` takes it then.
 *
 * One process of a network namespace is the owner, chosen by a lock on a file. Its netlink socket is what the table
 * belongs to, and it carries out what others of us send it (nft-door.ts). When it ends, also by SIGKILL, the table stays
 * as it is and is anybody's. Not responsible for when to own, and under which lock (engine/heal/ownrules.ts).
 *
 * @module
 */

import { closeSync, constants, fstatSync, mkdirSync, openSync, rmdirSync, rmSync, statSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { dirname } from 'node:path'
import type { RulesOwning } from '../kernel.ts'
import { type Exchange, exchangeOn } from '../netlink/exchange.ts'
import { NETLINK_NETFILTER, type TableName } from '../netlink/nftables.ts'
import { LOCK_EX, tryFlock } from '../system/libc.ts'
import { makeSocket, setSocketOption } from '../system/sockets.ts'
import { type NftAnswer, speakFrom } from './libnftables.ts'
import { queryNft, runNft } from './nft.ts'
import { applyAsOwner, applyHere, ownerSocket } from './nft-door.ts'
import { changeElementsBy, mostBytes } from './nft-elements.ts'
import { changeTables, ownTable, tableState } from './nft-table.ts'

const AF_NETLINK = 16
const SOCK_RAW = 3
const SOCK_NONBLOCK = 0o4000
const SOL_SOCKET = 1
const SO_SNDBUFFORCE = 32
/** What is tried on the kernel, and where packets are treated while our table changes hands. */
const trial: TableName = { family: 'inet', name: 'tsnet-trial' }
const between: TableName = { family: 'inet', name: 'tsnet-between' }

/** Whatever is there or not. */
const recreate = `add table inet ${ownTable.name}\ndelete table inet ${ownTable.name}\n`

interface Owning {
  readonly exchange: Exchange
  readonly server: Server
  readonly lock: number
}

let owning: Owning | undefined

/** @throws SystemError where the kernel does not know of it */
function begin(): boolean {
  if (owning !== undefined) return true
  const path = ownerSocket()
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const lock = openSync(`${path}.lock`, constants.O_RDWR | constants.O_CREAT, 0o600)
  // Whoever lets go takes the file away first: what was opened before that is nobody's lock any more.
  if (
    !tryFlock(lock, LOCK_EX) ||
    statSync(`${path}.lock`, { throwIfNoEntry: false })?.ino !== fstatSync(lock).ino
  ) {
    closeSync(lock)
    return false
  }
  // libnftables reads its sockets until there is nothing left.
  const socket = makeSocket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK, NETLINK_NETFILTER)
  const exchange = exchangeOn(socket, { isShared: true })
  try {
    setSocketOption(socket, SOL_SOCKET, SO_SNDBUFFORCE, mostBytes)
    changeTables(exchange, [
      { action: 'own', table: trial },
      { action: 'delete', table: trial },
    ])
    if (!speakFrom(socket)) throw new Error('there is no libnftables.so.1')
  } catch (error) {
    exchange.close()
    rmSync(`${path}.lock`, { force: true })
    closeSync(lock)
    throw error
  }
  applyAsOwner(exchange, { makes: 'owned' })
  changeElementsBy(exchange)
  owning = { exchange, lock, server: serve(path) }
  return true
}

/** Listens at once; whoever connects before it does is not refused but waits. */
function serve(path: string): Server {
  const server = createServer(answer)
  rmSync(path, { force: true })
  const mask = process.umask(0o177)
  server.listen(path)
  process.umask(mask)
  server.unref()
  return server
}

/** One line each way. */
function answer(socket: Socket): void {
  let text = ''
  let gone = false
  const leave = (): void => {
    gone = true
  }
  socket.setEncoding('utf8')
  socket.on('end', leave).on('close', leave).on('error', leave)
  socket.on('data', (part: string) => {
    text += part
    if (!text.endsWith('\n')) return
    // Of one that was killed nothing is carried out any more: its locks are somebody else's by now. Two turns, so that
    // the end of the connection has been read, where there is one.
    setImmediate(() => setImmediate(() => gone || socket.end(`${JSON.stringify(carriedOut(text))}\n`)))
  })
}

/** What cannot be read, or cannot be done for want of a descriptor, is the caller's trouble and not this process's end. */
function carriedOut(text: string): NftAnswer {
  try {
    const { script } = JSON.parse(text) as { readonly script: string }
    return applyHere(script)
  } catch (error) {
    return { ok: false, output: '', failures: [], errors: String(error) }
  }
}

function state(): ReturnType<RulesOwning['state']> {
  if (owning === undefined) return 'none'
  const found = tableState(owning.exchange)
  if (found !== 'owned') return found
  return isOurs(owning) ? 'own' : 'others'
}

/** Whether the kernel lets this socket have what it has already: nothing changes. */
function isOurs({ exchange }: Owning): boolean {
  try {
    changeTables(exchange, [{ action: 'own', table: ownTable }])
    return true
  } catch {
    return false
  }
}

function adopt(): void {
  if (owning !== undefined) changeTables(owning.exchange, [{ action: 'own', table: ownTable }])
}

/**
 * A table that is there cannot be made an owned one, nor the other way round: it is made anew, and another one does its
 * work meanwhile, which is of this socket alone and goes with it.
 */
async function remake(as: 'owned' | 'plain', refill: () => Promise<void>): Promise<void> {
  const text = queryNft(`list table inet ${ownTable.name}`)
  if (owning === undefined || text === undefined) return
  const { exchange } = owning
  await runNft(text.replace(/^table inet tsnet \{.*$/m, `table inet ${between.name} {\n\tflags owner`))
  try {
    changeTables(exchange, [
      { action: 'delete', table: ownTable },
      ...(as === 'owned' ? [{ action: 'own', table: ownTable } as const] : []),
    ])
    applyAsOwner(exchange, { makes: as })
    try {
      await runNft(userChain(text))
      await refill()
    } catch (error) {
      await runNft(`${recreate}${text.replace(/^\tflags owner.*$/m, '')}`)
      throw error
    }
  } finally {
    applyAsOwner(exchange, { makes: 'owned' })
    changeTables(exchange, [{ action: 'delete', table: between }])
  }
}

/** The administrator's rules, which nobody else knows. */
function userChain(text: string): string {
  const [, body = ''] = /^\tchain TSNET-USER \{\n((?:\t\t.*\n)*)/m.exec(text) ?? []
  const chain = `inet ${ownTable.name} TSNET-USER`
  const rules = body.split('\n').filter((line) => line !== '')
  return [
    `add table inet ${ownTable.name}`,
    `add chain ${chain}`,
    ...rules.map((rule) => `add rule ${chain} ${rule.trim()}`),
    '',
  ].join('\n')
}

function end(): void {
  if (owning === undefined) return
  const { exchange, server, lock } = owning
  owning = undefined
  const path = ownerSocket()
  rmSync(path, { force: true })
  server.close()
  applyAsOwner(undefined)
  changeElementsBy(undefined)
  speakFrom(undefined)
  exchange.close()
  rmSync(`${path}.lock`, { force: true })
  closeSync(lock)
  try {
    rmdirSync(dirname(path))
  } catch {
    // Others have files there.
  }
}

export const rulesOwning: RulesOwning = { begin, state, adopt, remake, end }
