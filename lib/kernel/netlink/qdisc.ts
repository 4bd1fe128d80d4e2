/**
 * Queueing disciplines over rtnetlink: which a link has, and those without
 * settings (`fq_codel`, `pfifo_fast`, `ingress`, …) put there and taken away.
 * Settings are each discipline's own bytes: {@link qdiscAdd} takes them as they
 * are.
 *
 * @see tc(8), include/uapi/linux/rtnetlink.h (struct tcmsg)
 * @module
 */

import {
  type Attribute,
  decodeAttributes,
  decodeText,
  type Message,
  type Nested,
  NLM_F_CREATE,
  NLM_F_EXCL,
  type Received,
  text,
} from './encode.ts'

const RTM_NEWQDISC = 36
const RTM_DELQDISC = 37
const RTM_GETQDISC = 38
const TCA_KIND = 1
const TCA_OPTIONS = 2
const headBytes = 20
const TC_H_ROOT = 0xffffffff
const TC_H_INGRESS = 0xfffffff1

/** One discipline of a link. */
export interface Qdisc {
  /** Of the link. */
  readonly index: number
  readonly kind: string
  /** Major number in the upper half: `0x8001_0000` is `8001:`. */
  readonly handle: number
  /** `root`, `ingress`, or the class it hangs on. */
  readonly parent: 'root' | 'ingress' | number
}

/** What is put on a link. */
export interface QdiscWish extends Pick<Qdisc, 'index' | 'kind'> {
  /** Default: the kernel chooses. */
  readonly handle?: number
  /** Default: `ingress` for the kinds `ingress` and `clsact`, else `root`. */
  readonly parent?: Qdisc['parent']
  /** TCA_OPTIONS as the kernel wants them: bytes, or nested attributes. */
  readonly options?: Uint8Array | Nested
}

/** struct tcmsg */
function qdiscHead(index: number, handle: number, parent: number): Uint8Array {
  const head = Buffer.alloc(headBytes)
  head.writeInt32LE(index, 4)
  head.writeUInt32LE(handle, 8)
  head.writeUInt32LE(parent, 12)
  return head
}

function parentNumber(parent: Qdisc['parent']): number {
  if (parent === 'root') return TC_H_ROOT
  return parent === 'ingress' ? TC_H_INGRESS : parent
}

const usualParent = (kind: string): 'root' | 'ingress' =>
  kind === 'ingress' || kind === 'clsact' ? 'ingress' : 'root'

/** Fails with EEXIST where one was put there already; the one a link is born with gives way. */
export function qdiscAdd({ index, kind, handle = 0, parent, options }: QdiscWish): Message {
  const attributes: Attribute[] = [{ type: TCA_KIND, value: text(kind) }]
  if (options !== undefined) attributes.push({ type: TCA_OPTIONS, value: options })
  const place = parentNumber(parent ?? usualParent(kind))
  return {
    type: RTM_NEWQDISC,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    head: qdiscHead(index, handle, place),
    attributes,
  }
}

/** What a link is born with takes its place again. */
export function qdiscDel(index: number, parent: Qdisc['parent'] = 'root'): Message {
  return { type: RTM_DELQDISC, flags: 0, head: qdiscHead(index, 0, parentNumber(parent)), attributes: [] }
}

/** For a dump of all links. */
export function qdiscList(): Message {
  return { type: RTM_GETQDISC, flags: 0, head: Buffer.alloc(headBytes), attributes: [] }
}

/** The disciplines among received messages. */
export function decodeQdiscs(messages: readonly Received[]): readonly Qdisc[] {
  return messages
    .filter(({ type, payload }) => type === RTM_NEWQDISC && payload.length >= headBytes)
    .map(({ payload }) => {
      const parent = payload.readUInt32LE(12)
      return {
        index: payload.readInt32LE(4),
        kind: decodeText(decodeAttributes(payload, headBytes).get(TCA_KIND)) ?? '',
        handle: payload.readUInt32LE(8),
        parent: parent === TC_H_ROOT ? 'root' : parent === TC_H_INGRESS ? 'ingress' : parent,
      }
    })
}
