/**
 * The rounds in which every contender attaches and detaches one fresh sandbox,
 * one after the other, each in its own throwaway host; who begins changes from
 * round to round.
 *
 * @module
 */
import { type ContenderName, contenders } from './contenders/all.ts'
import type { Cost } from './contenders/contender.ts'
import type { Yard } from './parts/part.ts'
import { type Runner, startRunner } from './yard.ts'

/** One contender beside so many containers that are there already; sample i of all was taken in round i. */
export interface Series {
  readonly name: ContenderName
  readonly others: number
  /** Milliseconds. */
  readonly attach: readonly number[]
  readonly detach: readonly number[]
  /** Most that one attach has started; undefined where the contender cannot tell. */
  readonly processes: number | undefined
}

export interface PairsOptions {
  readonly names: readonly ContenderName[]
  /** Containers that are there already. */
  readonly others: readonly number[]
}

/** The first of all rounds count for nothing: programs and libraries are not in memory yet. */
const warmUp = 2
/**
 * Pairs of contenders that stay, before all rounds: V8 has compiled what is hot by then, as in a daemon that runs for
 * days (an attach of the library took 2.0 ms of processor time in its second hundred, 1.4 after a thousand, 1.3 after
 * three thousand). Many at once where a contender can, because a detach waits 20 ms.
 */
const warmPairs = { together: 1000, atOnce: 20, singly: 100 }

interface Racer {
  readonly name: ContenderName
  readonly others: number
  readonly runner: Runner
  readonly attach: Cost[]
  readonly detach: Cost[]
}

export async function measurePairs(yard: Yard, { names, others }: PairsOptions): Promise<readonly Series[]> {
  const rounds = yard.rounds + warmUp
  const racers: Racer[] = []
  for (const count of others) {
    for (const name of names.filter((one) => count === 0 || contenders[one].alone !== true)) {
      yard.tell(`${name}: a host with ${count} containers`)
      const runner = await startRunner(yard.lab, name, String(count))
      const first = count + 2 * rounds
      await runner.boxes(first + 1 + warmPairs.atOnce)
      for (let number = 0; number < count; number++) await runner.attach(number)
      if (contenders[name].neighbour === true) await runner.attach(first)
      if (contenders[name].resident === true && !yard.quick) await warmUpAt(runner, name, first + 1)
      racers.push({ name, others: count, runner, attach: [], detach: [] })
    }
  }
  for (let round = 0; round < rounds; round++) {
    yard.tell(`round ${round + 1} of ${rounds}`)
    const first = round % Math.max(racers.length, 1)
    for (const racer of [...racers.slice(first), ...racers.slice(0, first)]) {
      const number = racer.others + round
      if (contenders[racer.name].resident === true) {
        await racer.runner.attach(number + rounds)
        await racer.runner.detach(number + rounds)
      }
      const [attach, detach] = [await racer.runner.attach(number), await racer.runner.detach(number)]
      if (round < warmUp) continue
      racer.attach.push(attach)
      racer.detach.push(detach)
    }
  }
  await Promise.all(racers.map(({ runner }) => runner.stop()))
  return racers.map(seriesOf)
}

async function warmUpAt(runner: Runner, name: ContenderName, first: number): Promise<void> {
  const { together, atOnce, singly } = warmPairs
  const pairs = contenders[name].singly === true ? singly : Math.ceil(together / atOnce)
  for (let pair = 0; pair < pairs; pair++) {
    if (contenders[name].singly === true) {
      await runner.attach(first)
      await runner.detach(first)
    } else {
      await runner.attachTogether(first, atOnce)
      await runner.detachTogether(first, atOnce)
    }
  }
}

function seriesOf({ name, others, attach, detach }: Racer): Series {
  const processes = attach.flatMap((cost) => cost.processes ?? [])
  return {
    name,
    others,
    attach: attach.map(({ ms }) => ms),
    detach: detach.map(({ ms }) => ms),
    processes: processes.length === 0 ? undefined : Math.max(...processes),
  }
}
