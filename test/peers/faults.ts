/**
 * One system call of a set-up or a teardown is spoiled: what is left when the
 * same is taken down, and what is left when everybody has forgotten it.
 *
 * @module
 */
import { createLab, type Lab } from '../../netns-fixtures/lab.ts'
import type { RunResult } from '../../netns-fixtures/process.ts'
import { spread } from '../netns/chaos.ts'
import { type Point, pointsSoFar, spoiled, traced } from '../netns/strace.ts'
import { type ContenderName, contenders, type Task, type Who } from './contenders.ts'
import { hung, type Leftover, layYard, type Yard } from './yard.ts'

/** A system call of one of a task's programs. */
interface Chance {
  readonly task: Task
  readonly nth: number
  readonly point: Point
}

export interface Tally {
  /** Calls that were met. */
  met: number
  /** After how many something was left. */
  dirty: number
  /** What, and how often. */
  readonly kinds: Map<Leftover, number>
  /** The port of the dead one did not lead to the next; what was said to be done was not. */
  broken: number
  /** Programs that did not end in 20 s. */
  hung: number
}

/** One call of one contender, what came of it, and what was left, for who wants to look closer. */
export type Tell = (line: string) => void

const errors = ['ENOMEM', 'EBUSY', 'EPERM', 'ENOSPC', 'EINTR', 'EIO'] as const

/** Every call of both tasks that changes something, in the main threads of their programs. */
async function chancesOf({ host, newcomer, run }: Yard): Promise<readonly Chance[]> {
  const who = await newcomer()
  const all: Chance[] = []
  for (const task of ['setup', 'teardown'] as const) {
    const { exitCode, stdout, stderr } = await run(task, who, {
      prefix: () => traced,
      ended: async (nth) => {
        for (const point of await pointsSoFar(host)) all.push({ task, nth, point })
      },
    })
    if (exitCode !== 0) throw new Error(`traced ${task}: ${stdout}${stderr}`)
  }
  await host.sh('rm /run/trace')
  await who.box.kill()
  return all
}

/** The task with that call spoiled; the programs before it, and after it where it succeeds, are not. */
function spoil(yard: Yard, who: Who, { task, nth, point }: Chance, how: string): Promise<RunResult> {
  const prefix = (one: number): readonly string[] => (one === nth ? spoiled(point, how) : [])
  return yard.run(task, who, { prefix, timeoutMs: 20_000 })
}

/** Calls from everywhere in the list, each tried on a host where nothing is left of the one before. */
async function tryEach(
  name: ContenderName,
  most: number,
  attempt: (yard: Yard, chance: Chance, nth: number) => Promise<boolean>,
): Promise<void> {
  let lab: Lab | undefined
  try {
    let yard: Yard | undefined
    let chosen: readonly Chance[] | undefined
    for (let nth = 0; nth < (chosen?.length ?? 1); nth++) {
      if (yard === undefined) {
        await lab?.dispose()
        lab = await createLab()
        yard = await layYard(lab, name)
      }
      chosen ??= spread(await chancesOf(yard), most)
      const isClean = await attempt(yard, chosen[nth] as Chance, nth)
      if (!isClean) yard = undefined
    }
  } finally {
    await lab?.dispose()
  }
}

function add(tally: Tally, left: ReadonlySet<Leftover>): void {
  if (left.size > 0) tally.dirty++
  for (const kind of left) tally.kinds.set(kind, (tally.kinds.get(kind) ?? 0) + 1)
}

const empty = (): Tally => ({ met: 0, dirty: 0, kinds: new Map(), broken: 0, hung: 0 })
const described = ({ task, point }: Chance): string => `${task}, ${point.nth}. ${point.line}`

/** SIGKILL; then the engine, which has lived on, has the container taken down. */
export async function killed(name: ContenderName, most: number, tell: Tell): Promise<Tally> {
  const tally = empty()
  await tryEach(name, most, async (yard, chance) => {
    const who = await yard.newcomer()
    if (chance.task === 'teardown') await yard.run('setup', who)
    const { exitCode } = await spoil(yard, who, chance, 'signal=KILL')
    if (exitCode === 137) tally.met++
    await yard.run('teardown', who)
    await who.box.kill()
    const left = await yard.left()
    add(tally, left)
    if (left.size > 0)
      tell(`${name} killed, then taken down: ${described(chance)}\n  ${yard.lines().join('\n  ')}`)
    return left.size === 0
  })
  return tally
}

/**
 * SIGKILL; the engine has died too, so nobody knows the container, which ends. The next one wants its port, comes and
 * goes; then whoever has a command that cleans up runs it.
 */
export async function forgotten(name: ContenderName, most: number, tell: Tell): Promise<Tally> {
  const tally = empty()
  await tryEach(name, most, async (yard, chance) => {
    const who = await yard.newcomer()
    if (chance.task === 'teardown') await yard.run('setup', who)
    const { exitCode } = await spoil(yard, who, chance, 'signal=KILL')
    if (exitCode === 137) tally.met++
    await who.box.kill()
    await yard.left()
    const next = await yard.newcomer()
    const { exitCode: refused } = await yard.run('setup', next)
    const server = await next.box.serve.tcp(80)
    const isReached = refused === 0 && (await yard.answers(next.hostPort, 5000))
    if (!isReached) tally.broken++
    await server.close()
    await yard.run('teardown', next)
    await next.box.kill()
    await contenders[name].gc?.(yard.host)
    const left = await yard.left()
    add(tally, left)
    const lines = yard.lines().join('\n  ')
    if (left.size > 0 || !isReached)
      tell(`${name} killed and forgotten: ${described(chance)}${isReached ? '' : ', port lost'}\n  ${lines}`)
    return left.size === 0
  })
  return tally
}

/** An error instead of what the call does. After a failure the engine has the container taken down. */
export async function failing(name: ContenderName, most: number, tell: Tell): Promise<Tally> {
  const tally = empty()
  await tryEach(name, most, async (yard, chance, nth) => {
    const who = await yard.newcomer()
    if (chance.task === 'teardown') await yard.run('setup', who)
    const how = errors[nth % errors.length] as string
    const { exitCode } = await spoil(yard, who, chance, `error=${how}`)
    tally.met++
    if (exitCode === hung) tally.hung++
    let isBroken = false
    if (chance.task === 'setup' && exitCode === 0) {
      const server = await who.box.serve.tcp(80)
      isBroken = !(await yard.answers(who.hostPort, 5000))
      await server.close()
    }
    if (isBroken) tally.broken++
    if (chance.task === 'setup' || exitCode !== 0) await yard.run('teardown', who)
    await who.box.kill()
    const left = await yard.left()
    add(tally, left)
    const lines = yard.lines().join('\n  ')
    if (left.size > 0 || isBroken)
      tell(
        `${name}, ${how}: ${described(chance)}: exit code ${exitCode}${isBroken ? ', not whole' : ''}\n  ${lines}`,
      )
    return left.size === 0
  })
  return tally
}
