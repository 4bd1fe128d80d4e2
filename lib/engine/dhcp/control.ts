/**
 * What is said to the keeper of DHCP leases over its unix socket: one JSON
 * document a connection, one answer.
 *
 * @module
 */

import { connect } from 'node:net'
import type { Lease } from '../../dhcp/options.ts'
import { literal } from '../../model/decode.ts'
import { parseJson } from '../../model/json.ts'

export { dhcpOptions, type Lease, optionNumber } from '../../dhcp/options.ts'

/** Where the keeper of the CNI plugin `dhcp` listens, and ours with it. */
export const keeperSocket = '/run/cni/dhcp.sock'

export interface LeaseOwner {
  readonly network: string
  readonly container: string
  readonly ifname: string
}

/** A wish for an address. Bytes are in hexadecimal. */
export interface LeaseOrder extends LeaseOwner {
  /** Path of the sandbox, as the keeper can open it. */
  readonly netns: string
  readonly clientId: string
  /** Numbers of options. */
  readonly wanted: readonly number[]
  readonly provided: readonly (readonly [option: number, value: string])[]
  /** How long to ask for the first address; absent: as patient as the keeper is. */
  readonly patienceMs?: number
}

export type DhcpRequest =
  | { readonly op: 'acquire'; readonly order: LeaseOrder }
  | { readonly op: 'release'; readonly owner: LeaseOwner }
  | { readonly op: 'check'; readonly owner: LeaseOwner }
  /** Releases the network's leases but those of `valid`. */
  | { readonly op: 'gc'; readonly network: string; readonly valid: readonly Omit<LeaseOwner, 'network'>[] }
  | { readonly op: 'status' }

export type DhcpAnswer =
  | { readonly ok: true; readonly lease?: Lease; readonly leases?: number }
  | { readonly ok: false; readonly code: string; readonly message: string; readonly hint?: string }

const operation = literal('acquire', 'release', 'check', 'gc', 'status')

/**
 * Others come to the same socket: who calls the reference plugin speaks Go's rpc.
 *
 * @throws TSNET_BAD_JSON (invalid)
 */
export function questionIn(line: string): DhcpRequest {
  const question = parseJson(line, 'a question about DHCP leases') as DhcpRequest | null
  operation(question?.op, 'op')
  return question as DhcpRequest
}

/**
 * @returns undefined where nobody listens, or it ended before it answered
 * @throws Error after `timeoutMs`, and for an answer in another language
 */
export function askKeeper(
  socketPath: string,
  request: DhcpRequest,
  timeoutMs: number,
): Promise<DhcpAnswer | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath)
    let text = ''
    const timer = setTimeout(() => {
      socket.destroy()
      reject(new Error(`no answer on ${socketPath} after ${timeoutMs} ms`))
    }, timeoutMs)
    socket.setEncoding('utf8')
    socket.on('data', (piece: string) => {
      text += piece
    })
    // What `close` does not tell: it comes after every error.
    socket.on('error', () => undefined)
    socket.on('close', () => {
      clearTimeout(timer)
      if (text === '') resolve(undefined)
      else if (text.startsWith('{')) resolve(JSON.parse(text) as DhcpAnswer)
      else reject(new Error(`${socketPath} is another program's: it answers ${text.split('\n')[0]}`))
    })
    socket.write(`${JSON.stringify(request)}\n`)
  })
}

export function ownerKey({ container, network, ifname }: LeaseOwner): string {
  return `${container}/${network}/${ifname}`
}
