/**
 * Deletes links, all that are asked for at the same time in one request.
 *
 * The kernel waits about 20 ms while a link is deleted and blocks the caller;
 * 100 links of one group take 50 ms in all (measured, Linux 6.18). Deleting by
 * group takes every link with that number, whoever gave it: the number is one
 * nobody has, and the members are compared before the delete (decisions 25).
 *
 * @module
 */

import { ENODEV, SystemError } from './errno.ts'
import { decodeLinks, type Link, linkDel, linkDelGroup, linkList, linkSetGroup } from './netlink/link.ts'
import type { RouteSocket } from './netlink/socket.ts'

interface Order {
  readonly links: readonly Link[]
  readonly done: (errors: ReadonlyMap<number, unknown>) => void
}

export interface LinkRemover {
  /** Somebody is on the way to `remove`, and worth a short wait. @returns to be called on arrival, or when given up */
  approach(): () => void
  /** @returns an error for each that is still there */
  remove(links: readonly Link[]): Promise<readonly unknown[]>
}

/**
 * Alone nobody waits. With others on the way the wait is theirs: this process is
 * busy with nothing else meanwhile, and could not serve them while it deletes.
 */
const companyMs = 30

export function createLinkRemover(socket: RouteSocket): LinkRemover {
  let orders: Order[] = []
  let running = false
  let approaching = 0

  async function run(): Promise<void> {
    while (orders.length > 0) {
      // Let everybody who is about to ask do so: they share one wait.
      const deadline = performance.now() + companyMs
      do await new Promise((resolve) => setImmediate(resolve))
      while (approaching > 0 && performance.now() < deadline)
      const taken = orders
      orders = []
      const links = new Map(taken.flatMap((order) => order.links.map((link) => [link.index, link])))
      const errors = await deleteAll(socket, [...links.values()])
      for (const order of taken) order.done(errors)
    }
    running = false
  }

  return {
    approach: () => {
      let near = true
      approaching++
      return () => {
        if (near) approaching--
        near = false
      }
    },
    remove: async (links) => {
      if (links.length === 0) return []
      const errors = await new Promise<ReadonlyMap<number, unknown>>((done) => {
        orders.push({ links, done })
        if (running) return
        running = true
        void run()
      })
      return links.flatMap(({ index }) => (errors.has(index) ? [errors.get(index)] : []))
    },
  }
}

/** Never rejects. @returns an error for the index of each link that is still there */
async function deleteAll(socket: RouteSocket, links: readonly Link[]): Promise<ReadonlyMap<number, unknown>> {
  try {
    if (links.length > 1 && (await deleteTogether(socket, links))) return new Map()
    const replies = await socket.batch(links.map(({ index }) => linkDel(index)))
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
async function deleteTogether(socket: RouteSocket, links: readonly Link[]): Promise<boolean> {
  const taken = new Set(decodeLinks(await socket.dump(linkList())).map(({ group }) => group))
  const group = freeGroup(taken)
  await socket.batch(links.map(({ index }) => linkSetGroup(index, group)))
  const ours = new Set(links.map(({ index }) => index))
  const members = decodeLinks(await socket.dump(linkList())).filter((link) => link.group === group)
  if (members.length === 0) return false
  if (members.some(({ index }) => !ours.has(index))) return false
  // A link that is in no group now was gone, or refused the number: then it is deleted singly.
  const [reply] = await socket.batch([linkDelGroup(group)])
  return reply?.errno === 0 && members.length === links.length
}

function freeGroup(taken: ReadonlySet<number>): number {
  for (;;) {
    // Printed as a signed number by ip(8), so 31 bits; small ones are what people choose.
    const group = 0x10000000 + Math.floor(Math.random() * 0x60000000)
    if (!taken.has(group)) return group
  }
}
