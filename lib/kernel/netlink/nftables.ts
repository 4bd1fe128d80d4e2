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

import {
  type Attribute,
  bigEndianIn,
  decodeAttributes,
  type Message,
  NLM_F_ACK,
  NLM_F_CREATE,
  nested,
  type Received,
  text,
} from './encode.ts'

export const NETLINK_NETFILTER = 12

const NFNL_SUBSYS_NFTABLES = 10
const NFNL_MSG_BATCH_BEGIN = 16
const NFNL_MSG_BATCH_END = 17
const NFT_MSG_NEWTABLE = 0
const NFT_MSG_GETTABLE = 1
const NFT_MSG_DELTABLE = 2
const NFT_MSG_GETCHAIN = 4
const NFT_MSG_NEWSETELEM = 12
const NFT_MSG_DELSETELEM = 14

const NLA_F_NESTED = 0x8000
const NFTA_TABLE_NAME = 1
const NFTA_TABLE_FLAGS = 2
/** Whoever makes it or takes it up is the only one who may change it, as long as his socket is open. */
const NFT_TABLE_F_OWNER = 2
/** It stays when that socket is closed, and is anybody's then. Linux 6.9. */
const NFT_TABLE_F_PERSIST = 4
const NFTA_CHAIN_TABLE = 1
const NFTA_CHAIN_NAME = 3
const NFTA_CHAIN_USE = 6
/** struct nfgenmsg */
const headBytes = 4
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
  const groups = neighbours(changes)
  const elements = groups.map((group, i) => ({
    ...elementsMessage(group),
    flags: (group[0]?.action === 'add' ? NLM_F_CREATE : 0) | (i === groups.length - 1 ? NLM_F_ACK : 0),
  }))
  return transaction(elements)
}

/** What is to become of a table: owned by the socket that sends it, and persistent, or gone. */
export interface TableChange {
  readonly action: 'own' | 'delete'
  readonly table: TableName
}

/** One transaction. To own one that is there is allowed where it was owned and persistent before, and is nobody's now. */
export function tablesTransaction(changes: readonly TableChange[]): readonly Message[] {
  return transaction(
    changes.map(({ action, table }, i) => ({
      type: (NFNL_SUBSYS_NFTABLES << 8) | (action === 'own' ? NFT_MSG_NEWTABLE : NFT_MSG_DELTABLE),
      flags: (action === 'own' ? NLM_F_CREATE : 0) | (i === changes.length - 1 ? NLM_F_ACK : 0),
      head: headOf(table),
      attributes: [
        { type: NFTA_TABLE_NAME, value: text(table.name) },
        ...(action === 'own'
          ? [{ type: NFTA_TABLE_FLAGS, value: bigEndian(NFT_TABLE_F_OWNER | NFT_TABLE_F_PERSIST) }]
          : []),
      ],
    })),
  )
}

/** Answered with ENOENT where there is no such table. */
export function tableGet(table: TableName): Message {
  return {
    type: (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GETTABLE,
    flags: NLM_F_ACK,
    head: headOf(table),
    attributes: [{ type: NFTA_TABLE_NAME, value: text(table.name) }],
  }
}

/** What the kernel says of a table. */
export interface TableFlags {
  readonly owned: boolean
  readonly persistent: boolean
}

export function tableFlagsIn({ payload }: Received): TableFlags {
  const flags = bigEndianIn(decodeAttributes(payload, 4).get(NFTA_TABLE_FLAGS)) ?? 0
  return { owned: (flags & NFT_TABLE_F_OWNER) !== 0, persistent: (flags & NFT_TABLE_F_PERSIST) !== 0 }
}

function transaction(messages: readonly Message[]): readonly Message[] {
  const frame = (type: number): Message => ({
    type,
    flags: 0,
    head: Uint8Array.of(0, 0, 0, NFNL_SUBSYS_NFTABLES),
    attributes: [],
  })
  return [frame(NFNL_MSG_BATCH_BEGIN), ...messages, frame(NFNL_MSG_BATCH_END)]
}

function bigEndian(value: number): Uint8Array {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
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

/** How many rules are in a chain or lead to it, of the answer to that question. */
export function chainUse({ payload }: Received): number | undefined {
  return bigEndianIn(decodeAttributes(payload, headBytes).get(NFTA_CHAIN_USE))
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
