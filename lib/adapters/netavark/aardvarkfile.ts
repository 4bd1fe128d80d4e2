/**
 * One file of aardvark-dns's folder, read: line 1 is `LISTENER[,…][ SERVER[,…]]`,
 * then `ID V4LIST V6LIST NAMES[ SERVERS]`, with single spaces and lists that may
 * be empty.
 *
 * @module
 */

import { type Address, parseAddress } from '../../model/address.ts'

/** A container on one network. */
export interface FileEntry {
  readonly id: string
  readonly addresses: readonly Address[]
  readonly names: readonly string[]
  readonly servers: readonly Address[]
}

export interface FileContents {
  readonly listeners: readonly Address[]
  readonly forwarders: readonly Address[]
  readonly entries: readonly FileEntry[]
}

/** @throws Error saying which line is wrong: the whole file is not served then */
export function parseFile(text: string): FileContents {
  const [head = '', ...lines] = text.split('\n')
  const [listen = '', servers = ''] = head.split(' ')
  const listeners = addresses(listen, 1)
  if (listeners.length === 0) throw new Error('line 1: no address to listen at')
  return {
    listeners,
    forwarders: addresses(servers, 1),
    entries: lines.flatMap((line, i) => (line === '' ? [] : [entryOf(line, i + 2)])),
  }
}

function entryOf(line: string, number: number): FileEntry {
  const [id = '', v4, v6, names, servers = ''] = line.split(' ')
  if (id === '' || v4 === undefined || v6 === undefined || names === undefined) {
    throw new Error(`line ${number}: "${line}" is not ID V4LIST V6LIST NAMES`)
  }
  return {
    id,
    addresses: [...addresses(v4, number), ...addresses(v6, number)],
    names: listOf(names).map((name) => name.toLowerCase()),
    servers: addresses(servers, number),
  }
}

function addresses(text: string, number: number): readonly Address[] {
  return listOf(text).map((one) => {
    const address = parseAddress(one)
    if (address === undefined) throw new Error(`line ${number}: "${one}" is no IP address`)
    return address
  })
}

const listOf = (text: string): readonly string[] => text.split(',').filter((one) => one !== '')
