/**
 * Random lives: containers that come and go by every door at once, and a
 * register in which nothing may be held by two.
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Host } from '../../netns-fixtures/host.ts'
import type { Lab } from '../../netns-fixtures/lab.ts'
import type { Background } from '../../netns-fixtures/process.ts'
import { type Snapshot, snapshot } from '../../netns-fixtures/snapshot.ts'
import { type DoorName, type Doors, type Life, openDoors } from './doors.ts'
import { dig, layNameYard } from './nameyard.ts'
import { tsnetWords } from './strace.ts'

export interface LifeYard {
  readonly host: Host
  readonly daemon: Background
  readonly doors: Doors
  /** Before there was anything of tsnet's. */
  readonly untouched: Snapshot
  /** What a container that stays, `asker`, is told of its own name. */
  ask(): Promise<string>
  /** Asks it again and again, by itself: this process may have its hands full. Ended, it has every answer there was. */
  askOften(): { end(): Promise<ReadonlyMap<string, number>> }
}

/** The answer to {@link LifeYard.ask}, whatever comes and goes meanwhile. */
export const asked = 'NOERROR, A 10.89.0.2'

/** A host with tsnetd, names, and one container that stays. */
export async function layLifeYard(lab: Lab): Promise<LifeYard> {
  const { host, container } = await layNameYard(lab)
  const untouched = await snapshot(host)
  const daemon = host.start([...tsnetWords, 'daemon', 'run'])
  await daemon.waitFor('"listening"')
  const words = ['--id', 'asker', '--container-name', 'asker', '--firewall', 'nftables']
  const { box, server } = await container(...words)
  const ask = (): Promise<string> => dig(box, `@${server}`, 'asker')
  // From now on no question is lost, and none is repeated.
  const first = await ask()
  if (first !== asked) throw new Error(`asker is told of its name: ${first}`)
  const askOften = (): ReturnType<LifeYard['askOften']> => {
    const often = `while :; do dig +short +time=60 +tries=1 @${server} asker; sleep 0.05; done`
    const asking = box.start(['sh', '-c', often])
    return {
      end: async () => {
        await asking.stop()
        const counts = new Map<string, number>()
        for (const line of asking.output().trim().split('\n')) counts.set(line, (counts.get(line) ?? 0) + 1)
        return counts
      },
    }
  }
  return { host, daemon, doors: openDoors(host), untouched, ask, askOften }
}

/** Who has what. A thing that two have is a fault. */
class Register {
  readonly #held = new Map<string, string>()

  take(owner: string, things: readonly string[]): void {
    for (const thing of things) {
      const holder = this.#held.get(thing)
      if (holder !== undefined) throw new Error(`${thing} was given to ${owner} while ${holder} had it`)
      this.#held.set(thing, owner)
    }
  }

  give(things: readonly string[]): void {
    for (const thing of things) this.#held.delete(thing)
  }
}

/** The same numbers from the same seed. */
function dice(seed: number): () => number {
  let state = seed
  return () => {
    // mulberry32
    state = (state + 0x6d2b79f5) | 0
    let value = Math.imul(state ^ (state >>> 15), 1 | state)
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value
    return ((value ^ (value >>> 14)) >>> 0) / 4294967296
  }
}

export interface Crowd {
  /** Containers at one time. */
  readonly seats: number
  readonly forMs: number
  /** And for so many set-ups and teardowns: a busy machine takes its time. */
  readonly atLeast?: number
  /** How often each door is taken. */
  readonly shares: Readonly<Partial<Record<DoorName, number>>>
  /** Set-ups and teardowns together. Default: as many as there can be. */
  readonly perSecond?: number
  /** How many end without a teardown, of one. */
  readonly dying?: number
}

export interface Tally {
  operations: number
  /** Set-ups whose port was another's. */
  refused: number
  died: number
  longestMs: number
  seconds: number
}

/** Lives, one after the other at each seat. @throws the first fault, after all have ended */
export async function liveTogether(host: Host, doors: Doors, crowd: Crowd): Promise<Tally> {
  const { seats, forMs, atLeast = 0, shares, perSecond, dying = 0 } = crowd
  const random = dice(20_261_121)
  const names = (Object.entries(shares) as [DoorName, number][]).flatMap(([name, share]) =>
    Array.from({ length: share }, () => name),
  )
  const register = new Register()
  const tally: Tally = { operations: 0, refused: 0, died: 0, longestMs: 0, seconds: 0 }
  const begun = performance.now()
  const faults: unknown[] = []
  let turns = 0
  const isOver = (): boolean =>
    faults.length > 0 || (performance.now() - begun > forMs && tally.operations >= atLeast)
  const turn = async (): Promise<void> => {
    if (perSecond === undefined) return
    const due = (turns++ * 1000) / perSecond
    await sleep(Math.max(0, due - (performance.now() - begun)))
  }
  const timed = async <T>(work: Promise<T>): Promise<T> => {
    const from = performance.now()
    const result = await work
    tally.longestMs = Math.max(tally.longestMs, Math.round(performance.now() - from))
    tally.operations++
    return result
  }
  const sit = async (seat: number): Promise<void> => {
    let box = await host.container()
    let last = ''
    for (let nth = 0; !isOver(); nth++) {
      const name = names[Math.floor(random() * names.length)] as DoorName
      const door = doors[name]
      // Engines know whom they gave a port; the others ask for what somebody may have.
      const port =
        name === 'cni' || name === 'netavark' ? 30_000 + seat : 20_000 + Math.floor(random() * 4 * seats)
      const firewall = random() < 0.25 ? 'iptables' : 'nftables'
      const life: Life = { id: `seat${seat}-${nth}`, box, seat, port, firewall }
      await turn()
      const given = await timed(door.setUp(life)).catch((error: unknown) => {
        throw new Error(`${life.id} by ${name}, after ${last || 'nothing'}: ${String(error)}`, {
          cause: error,
        })
      })
      last = given === undefined ? `${name} refused` : name
      if (given === undefined) {
        tally.refused++
        continue
      }
      const things = [...given.addresses, ...given.macs, `port ${port}`]
      register.take(`${life.id} (${name})`, things)
      await turn()
      register.give(things)
      if (random() < dying) {
        tally.died++
        await box.end()
        box = await host.container()
      } else await timed(door.tearDown(life))
    }
    await box.kill()
  }
  await Promise.all(
    Array.from({ length: seats }, (_, seat) => sit(seat).catch((error: unknown) => faults.push(error))),
  )
  tally.seconds = Math.round((performance.now() - begun) / 1000)
  if (faults.length > 0) throw faults[0]
  return tally
}
