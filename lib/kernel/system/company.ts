/**
 * Work that costs hardly more for many than for one: whoever asks at the same
 * time shares one turn.
 *
 * Alone nobody waits. With others on the way the first of a turn waits for them,
 * `companyMs` at most; whoever comes while a turn is being carried out is with
 * the next one. Not responsible for what a turn does (link-remover, rule-folder).
 *
 * @module
 */

export interface Company<Order, Answer> {
  /** Somebody will join soon. @returns to be called when it has joined, or will not; repeatable */
  approach(): () => void
  join(order: Order): Promise<Answer>
}

/** What nobody notices, and enough for a daemon to bring several callers so far. */
const companyMs = 5

interface Waiting<Order, Answer> {
  readonly order: Order
  readonly since: number
  readonly done: (answer: Answer) => void
}

/** @param carryOut one answer for each order, in their order; never rejects */
export function createCompany<Order, Answer>(
  carryOut: (orders: readonly Order[]) => Promise<readonly Answer[]>,
): Company<Order, Answer> {
  let waiting: Waiting<Order, Answer>[] = []
  let running = false
  let approaching = 0

  async function run(): Promise<void> {
    for (let [first] = waiting; first !== undefined; [first] = waiting) {
      // One round of the event loop in any case: whoever is as far as that comes along.
      do await new Promise((resolve) => setImmediate(resolve))
      while (approaching > 0 && performance.now() < first.since + companyMs)
      const taken = waiting
      waiting = []
      const answers = await carryOut(taken.map(({ order }) => order))
      for (const [nth, { done }] of taken.entries()) done(answers[nth] as Answer)
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
    join: (order) =>
      new Promise((done) => {
        waiting.push({ order, since: performance.now(), done })
        if (running) return
        running = true
        void run()
      }),
  }
}
