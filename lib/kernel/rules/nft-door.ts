/**
 * Who carries out a script of nftables: this process, or the one our table belongs to.
 *
 * Whoever is refused asks the owner, by a socket of root's; whoever would make the table asks him first, so that it is
 * his. Nobody there: everybody writes, as ever. Each caller gets the answer to his own script. Not responsible for what
 * owning is (nft-owner.ts).
 *
 * @module
 */

import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fail } from '../../errors/codes.ts'
import type { Exchange } from '../netlink/exchange.ts'
import { namespaceOf } from '../system/processes.ts'
import { executeNft, type NftAnswer } from './libnftables.ts'
import { changeElements } from './nft-elements.ts'
import { changeTables, fitting, makesTable, ownTable, tableState, withoutTable } from './nft-table.ts'

/** A transaction of thousands of ports takes a second. */
const answerLimitMs = 15_000
const attempts = 40
const pauseMs = 25
const done: NftAnswer = { ok: true, output: '', failures: [], errors: '' }

let owner: Exchange | undefined
let ownerMakes: 'owned' | 'plain' = 'owned'

/**
 * From now on this process owns our table, and speaks from this socket; undefined: not any more.
 *
 * @param how what it is where it is made from now on
 */
export function applyAsOwner(
  exchange: Exchange | undefined,
  how: { readonly makes: 'owned' | 'plain' } = { makes: 'owned' },
): void {
  owner = exchange
  ownerMakes = how.makes
}

/** Where the owner listens: tables belong to a network namespace, and whatever state folder somebody uses, there is one. */
export function ownerSocket(): string {
  return `/run/tsnet/nft-${namespaceOf('self', 'net')}.sock`
}

/**
 * Carries a script out: all of it or nothing.
 *
 * @throws TSNET_DAEMON_UNREACHABLE (unavailable) where the owner does not answer
 */
export async function applyNft(script: string): Promise<NftAnswer> {
  if (owner !== undefined) return applyHere(script)
  const first = makesTable(script) ? await askOwner(script) : undefined
  if (first !== undefined) return first
  for (let attempt = 1; ; attempt++) {
    const answer = applyHere(script)
    if (!isRefused(answer)) return answer
    const told = await askOwner(script)
    if (told !== undefined) return told
    // Killed a moment ago, or one leaves while the next one comes. Without any the caller may change no rules at all.
    if (attempt === attempts || !existsSync(ownerSocket())) return answer
    await sleep(pauseMs)
  }
}

/** By this process, whoever the table belongs to. */
export function applyHere(script: string): NftAnswer {
  if (changeElements(script)) return done
  if (owner === undefined || ownerMakes === 'plain' || !makesTable(script) || tableState(owner) !== 'none')
    return executeNft(fitting(script, owner))
  changeTables(owner, [{ action: 'own', table: ownTable }])
  const answer = executeNft(withoutTable(script))
  if (!answer.ok) changeTables(owner, [{ action: 'delete', table: ownTable }])
  return answer
}

function isRefused({ failures }: NftAnswer): boolean {
  return failures.some(({ message }) => message.includes('Operation not permitted'))
}

/** @returns undefined where there is no owner */
async function askOwner(script: string): Promise<NftAnswer | undefined> {
  const path = ownerSocket()
  if (!existsSync(path)) return undefined
  const answer = await new Promise<string | undefined>((resolve, reject) => {
    const socket = connect(path)
    const parts: Buffer[] = []
    const timer = setTimeout(() => {
      socket.destroy()
      reject(unanswered(`no answer in ${answerLimitMs / 1000} s`))
    }, answerLimitMs)
    socket.on('connect', () => socket.write(`${JSON.stringify({ script })}\n`))
    socket.on('data', (part: Buffer) => parts.push(part))
    // Killed, or about to let go: what it has not carried out it never will, and who has the socket by then is asked next.
    socket.on('error', () => resolve(undefined))
    socket.on('close', () => {
      clearTimeout(timer)
      resolve(parts.length === 0 ? undefined : Buffer.concat(parts).toString())
    })
  })
  if (answer === undefined || !answer.endsWith('\n')) return undefined
  return JSON.parse(answer) as NftAnswer
}

function unanswered(why: string): Error {
  return fail('TSNET_DAEMON_UNREACHABLE', {
    message: `applying nftables rules by the tsnetd that owns them: ${why}`,
    value: ownerSocket(),
    hint: '"tsnet daemon stop" ends it; rules can be changed without it then',
  })
}
