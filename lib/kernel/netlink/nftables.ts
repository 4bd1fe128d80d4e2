/**
 * nf_tables over nfnetlink: single elements, and whether a chain is there.
 *
 * Only what every attach and detach needs. For one element libnftables reads the
 * tables, chains, sets and elements of the host first (0.5 ms with an empty map,
 * 2 ms with 200 elements); the kernel itself needs none of that. Everything else
 * stays with libnftables.
 *
 * @see include/uapi/linux/netfilter/nf_tables.h
 * @module
 */

import { type Attribute, type Message, NLM_F_ACK, NLM_F_CREATE, nested, text } from './encode.ts'

export const NETLINK_NETFILTER = 12

const NFNL_SUBSYS_NFTABLES = 10
const NFNL_MSG_BATCH_BEGIN = 16
const NFNL_MSG_BATCH_END = 17
const NFT_MSG_GETCHAIN = 4
const NFT_MSG_NEWSETELEM = 12
const NFT_MSG_DELSETELEM = 14

const NLA_F_NESTED = 0x8000
const NFTA_CHAIN_TABLE = 1
const NFTA_CHAIN_NAME = 3
const NFTA_SET_ELEM_LIST_TABLE = 1
const NFTA_SET_ELEM_LIST_SET = 2
const NFTA_SET_ELEM_LIST_ELEMENTS = 3
const NFTA_LIST_ELEM = 1
const NFTA_SET_ELEM_KEY = 1
const NFTA_SET_ELEM_DATA = 2
const NFTA_SET_ELEM_USERDATA = 6
const NFTA_DATA_VALUE = 1
/** libnftnl's own numbering: a comment, with its zero byte. */
const NFTNL_UDATA_SET_ELEM_COMMENT = 0

/** NFPROTO_… */
const families = { inet: 1, ip: 2, ip6: 10 } as const
export type TableFamily = keyof typeof families

export interface TableName {
  readonly family: TableFamily
  readonly name: string
}

/** An element of a set or map without intervals. */
export interface ElementChange {
  readonly action: 'add' | 'delete'
  readonly table: TableName
  readonly set: string
  /** As the kernel has it: each part of a concatenation begins at four bytes. */
  readonly key: Uint8Array
  /** Of a map's element that is added. */
  readonly value?: Uint8Array
  /** At most 127 bytes. */
  readonly comment?: string
}

/** One transaction: all of it or nothing. The last element's acknowledgement comes after the commit. */
export function elementsTransaction(changes: readonly ElementChange[]): readonly Message[] {
  const frame = (type: number): Message => ({
    type,
    flags: 0,
    head: Uint8Array.of(0, 0, 0, NFNL_SUBSYS_NFTABLES),
    attributes: [],
  })
  const groups = neighbours(changes)
  const elements = groups.map((group, i) => ({
    ...elementsMessage(group),
    flags: (group[0]?.action === 'add' ? NLM_F_CREATE : 0) | (i === groups.length - 1 ? NLM_F_ACK : 0),
  }))
  return [frame(NFNL_MSG_BATCH_BEGIN), ...elements, frame(NFNL_MSG_BATCH_END)]
}

/** Answered with ENOENT where there is no such chain. */
export function chainGet(table: TableName, chain: string): Message {
  return {
    type: (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GETCHAIN,
    flags: NLM_F_ACK,
    head: headOf(table),
    attributes: [
      { type: NFTA_CHAIN_TABLE, value: text(table.name) },
      { type: NFTA_CHAIN_NAME, value: text(chain) },
    ],
  }
}

/** The length of a nested attribute has 16 bits; an element with the longest comment takes 250 bytes. */
const mostTogether = 200

/** Changes one behind the other that one message can carry. */
function neighbours(changes: readonly ElementChange[]): readonly (readonly ElementChange[])[] {
  const groups: ElementChange[][] = []
  for (const change of changes) {
    const group = groups.at(-1)
    const [first] = group ?? []
    const joins =
      first !== undefined &&
      first.action === change.action &&
      first.set === change.set &&
      first.table.family === change.table.family &&
      first.table.name === change.table.name
    if (group !== undefined && joins && group.length < mostTogether) group.push(change)
    else groups.push([change])
  }
  return groups
}

function elementsMessage(changes: readonly ElementChange[]): Message {
  const [{ action, table, set }] = changes as readonly [ElementChange]
  return {
    type: (NFNL_SUBSYS_NFTABLES << 8) | (action === 'add' ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM),
    flags: 0,
    head: headOf(table),
    attributes: [
      { type: NFTA_SET_ELEM_LIST_TABLE, value: text(table.name) },
      { type: NFTA_SET_ELEM_LIST_SET, value: text(set) },
      nest(NFTA_SET_ELEM_LIST_ELEMENTS, changes.map(elementOf)),
    ],
  }
}

function elementOf({ key, value, comment }: ElementChange): Attribute {
  return nest(NFTA_LIST_ELEM, [
    data(NFTA_SET_ELEM_KEY, key),
    ...(value === undefined ? [] : [data(NFTA_SET_ELEM_DATA, value)]),
    ...(comment === undefined ? [] : [{ type: NFTA_SET_ELEM_USERDATA, value: userData(comment) }]),
  ])
}

function data(type: number, value: Uint8Array): Attribute {
  return nest(type, [{ type: NFTA_DATA_VALUE, value }])
}

function userData(comment: string): Uint8Array {
  const bytes = text(comment)
  return Buffer.concat([Uint8Array.of(NFTNL_UDATA_SET_ELEM_COMMENT, bytes.length), bytes])
}

function nest(type: number, attributes: readonly Attribute[]): Attribute {
  return { type: type | NLA_F_NESTED, value: nested(attributes) }
}

/** struct nfgenmsg */
function headOf({ family }: TableName): Uint8Array {
  return Uint8Array.of(families[family], 0, 0, 0)
}
