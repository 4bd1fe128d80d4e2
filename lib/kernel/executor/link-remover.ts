/**
 * Deletes links, all that are asked for at the same time in one request.
 *
 * The kernel waits about 20 ms while a link is deleted and blocks the thread
 * that asks, so that is one of libuv's; 100 links of one group take 50 ms in all
 * (measured, Linux 6.18). Deleting by group takes every link with that number,
 * whoever gave it: the number is checked to be unused, and the members are
 * compared before the delete (decisions 25).
 *
 * @module
 */

import { decodeGroups, type Link, linkDel, linkDelGroup, linkList, linkSetGroup } from '../netlink/link.ts'
import type { RouteSocket } from '../netlink/socket.ts'
import { type Company, createCompany } from '../system/company.ts'
import { ENODEV, SystemError } from '../system/errno.ts'

export interface LinkRemover extends Pick<Company<never, never>, 'approach'> {
  /** @returns an error for each that is still there */
  remove(links: readonly Link[]): Promise<readonly unknown[]>
  close(): void
}

/** @param openOwn a socket for what takes long, so that others are not in the way of its answer */
export function createLinkRemover(socket: RouteSocket, openOwn: () => RouteSocket): LinkRemover {
  let own: RouteSocket | undefined
  const company = createCompany<readonly Link[], ReadonlyMap<number, unknown>>(async (orders) => {
    const links = new Map(orders.flat().map((link) => [link.index, link]))
    const errors = await deleteAll({ socket, own: () => (own ??= openOwn()) }, [...links.values()])
    return orders.map(() => errors)
  })
  return {
    approach: company.approach,
    remove: async (links) => {
      if (links.length === 0) return []
      const errors = await company.join(links)
      return links.flatMap(({ index }) => (errors.has(index) ? [errors.get(index)] : []))
    },
    close: () => own?.close(),
  }
}

interface Sockets {
  readonly socket: RouteSocket
  /** Opened at the first need of it, which may fail. */
  readonly own: () => RouteSocket
}

/** Never rejects. @returns an error for the index of each link that is still there */
async function deleteAll(sockets: Sockets, links: readonly Link[]): Promise<ReadonlyMap<number, unknown>> {
  try {
    if (links.length > 1 && (await deleteTogether(sockets, links))) return new Map()
    const replies = await sockets.own().batchAside(links.map(({ index }) => linkDel(index)))
    return new Map(
      links.flatMap(({ index, name }, nth) => {
        const errno = replies[nth]?.errno ?? 0
        return errno === 0 || errno === ENODEV
          ? []
          : [[index, new SystemError(`deleting link ${name}`, errno)]]
      }),
    )
  } catch (error) {
    return new Map(links.map(({ index }) => [index, error]))
  }
}

/** @returns false if nothing was deleted */
async function deleteTogether({ socket, own }: Sockets, links: readonly Link[]): Promise<boolean> {
  const groups = async () => decodeGroups(await socket.dump(linkList()))
  const group = freeGroup(new Set((await groups()).map((link) => link.group)))
  await socket.batch(links.map(({ index }) => linkSetGroup(index, group)))
  const ours = new Set(links.map(({ index }) => index))
  const members = (await groups()).filter((link) => link.group === group)
  if (members.length === 0) return false
  if (members.some(({ index }) => !ours.has(index))) return false
  // A link that is in no group now was gone, or refused the number: then it is deleted singly.
  const [reply] = await own().batchAside([linkDelGroup(group)])
  return reply?.errno === 0 && members.length === links.length
}

function freeGroup(taken: ReadonlySet<number>): number {
  for (;;) {
    // Printed as a signed number by ip(8), so 31 bits; small ones are what people choose.
    const group = 0x10000000 + Math.floor(Math.random() * 0x60000000)
    if (!taken.has(group)) return group
  }
}
