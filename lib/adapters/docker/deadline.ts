/**
 * Answers that cannot wait: dockerd holds locks while it asks, and asks without
 * limit of its own.
 *
 * What makes something is given up when its time is over, and taken back as soon
 * as it ends; whoever names the same thing meanwhile comes behind that. What
 * removes something is answered, and finished later, again and again if need be:
 * Docker has forgotten it already, so nobody else would. Endpoints are answered
 * for at once, so that the kernel's 20 ms for their links are nobody's wait.
 *
 * @module
 */

import { fail } from '../../errors/codes.ts'

/** Less than the second that dockerd is promised; the way to it and back is not ours. */
export const deadlineMs = 850
const againMs = 2000
const tries = 30

export interface Work<T> {
  run(signal: AbortSignal): Promise<T>
  /** Of what is made; must succeed where nothing is there. */
  undo?(made: T): Promise<unknown>
}

export interface Deadline {
  /** @param about ids and addresses: work about them that goes on is over before this begins @throws TSNET_LOCK_TIMEOUT */
  make<T>(about: readonly string[], work: Work<T>): Promise<T>
  /** Ends in time: what is not removed by then is removed later. @throws why it could not be removed; it is tried again */
  remove(about: readonly string[], work: () => Promise<unknown>): Promise<void>
  /** Answered at once, and done behind the answer. */
  begin(about: readonly string[], work: () => Promise<unknown>): void
  /** What was answered and is not over. */
  owed(): number
}

export function createDeadline(limitMs: number, changed: () => void): Deadline {
  const given = new Map<string, Promise<void>>()
  let owed = 0

  /** Work that nobody waits for any more. */
  const before = (about: readonly string[]): Promise<unknown> =>
    Promise.all(about.flatMap((one) => given.get(one) ?? []))

  const goesOn = (about: readonly string[], over: Promise<void>): void => {
    for (const one of about) given.set(one, over)
    void over.finally(() => {
      for (const one of about) if (given.get(one) === over) given.delete(one)
    })
  }

  const later = async (work: () => Promise<unknown>): Promise<void> => {
    owed++
    try {
      await work()
    } finally {
      owed--
      changed()
    }
  }

  const finish = (work: () => Promise<unknown>): Promise<void> => later(() => again(work))

  const takeBack = <T>(about: readonly string[], running: Promise<T>, undo: Work<T>['undo']): void => {
    const over = later(async () => {
      const made = await running.then(
        (value) => ({ value }),
        () => undefined,
      )
      if (made === undefined || undo === undefined) return
      await undo(made.value).catch(() => again(() => undo(made.value)))
    })
    goesOn(about, over)
  }

  return {
    owed: () => owed,
    make: async (about, { run, undo }) => {
      const controller = new AbortController()
      const running = (async () => {
        await before(about)
        controller.signal.throwIfAborted()
        return run(controller.signal)
      })()
      const inTime = await withinTime(running, limitMs)
      if (inTime !== undefined) return inTime.value
      controller.abort()
      takeBack(about, running, undo)
      throw fail('TSNET_LOCK_TIMEOUT', {
        message: `this host was too busy to do it within ${limitMs} ms, and it is taken back`,
        hint: 'try again',
      })
    },
    begin: (about, work) => {
      const earlier = before(about)
      goesOn(
        about,
        later(async () => {
          await earlier
          await work().catch(() => again(work))
        }),
      )
    },
    remove: async (about, work) => {
      const running = (async () => {
        await before(about)
        await work()
      })()
      try {
        if ((await withinTime(running, limitMs)) !== undefined) return
        void later(() => running).catch(() => finish(work))
      } catch (error) {
        void finish(work)
        throw error
      }
    },
  }
}

async function again(work: () => Promise<unknown>): Promise<void> {
  for (let left = tries; left > 0; left--) {
    await new Promise((resolve) => setTimeout(resolve, againMs).unref())
    const done = await work().then(
      () => true,
      () => false,
    )
    if (done) return
  }
}

/** @returns undefined where it has not ended by then; it goes on */
async function withinTime<T>(
  running: Promise<T>,
  limitMs: number,
): Promise<{ readonly value: T } | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>((resolve) => {
    // Once more around: where the process itself stood still, the answer may lie there unread.
    timer = setTimeout(() => setImmediate(() => setImmediate(resolve, undefined)), limitMs)
  })
  // What fails later has nobody to tell.
  running.catch(() => undefined)
  try {
    return await Promise.race([running.then((value) => ({ value })), late])
  } finally {
    clearTimeout(timer)
  }
}
