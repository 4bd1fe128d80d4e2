/**
 * Names inside rule text: the tag every rule carries, and interface names.
 *
 * Both tools take comments in double quotes, and both read `+` or `*` at the
 * end of an interface name as a wildcard, so one strange name could end a
 * string or open a network to all others. Names were checked when they entered
 * tsnet (model/names.ts); here a strange one is a fault of ours and is refused.
 *
 * @module
 */

import { fail } from '../errors/codes.ts'

/** NFTNL_UDATA_COMMENT_MAXLEN is 128 with the final NUL; iptables would take 255. */
const MAX_TAG_BYTES = 127
/** Kept of a tag that is too long: the interface name is what tells two attachments of one container apart. */
const TAG_TAIL_BYTES = 16

/** Comment on everything that belongs to no single network. */
export const baseTag = 'tsnet:base'

/** Comment on everything of one network: `tsnet:network/NAME`, as its bridge's link alias. */
export function networkTag(network: string): string {
  return tag(`network/${network}`)
}

/** Comment on everything of one attachment: `tsnet:CONTAINER/IFNAME`. */
export function ownerTag(owner: string): string {
  return tag(owner)
}

/** @throws TSNET_INTERNAL for a name that is a pattern or no interface name */
export function safeIfname(name: string): string {
  if (!/^[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,14}$/.test(name)) throw unprintable('interface', name)
  return name
}

function tag(name: string): string {
  if (!/^[a-zA-Z0-9_./:@-]+$/.test(name)) throw unprintable('owner', name)
  const text = `tsnet:${name}`
  if (text.length <= MAX_TAG_BYTES) return text
  return `${text.slice(0, MAX_TAG_BYTES - 1 - TAG_TAIL_BYTES)}~${text.slice(-TAG_TAIL_BYTES)}`
}

function unprintable(what: string, name: string): Error {
  return fail('TSNET_INTERNAL', {
    message: `printing packet rules: ${what} ${JSON.stringify(name)} cannot stand in a rule`,
    value: name,
    hint: 'this is a fault of tsnet: please report it',
  })
}
