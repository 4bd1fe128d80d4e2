/**
 * Many at once, rules that others take away, and containers that vanish from a
 * small network.
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { createLab } from '../../netns-fixtures/lab.ts'
import { type ContenderName, contenders, type Who } from './contenders.ts'
import { type Leftover, layYard } from './yard.ts'

export interface Crowd {
  readonly failedSetups: number
  readonly failedTeardowns: number
  readonly left: ReadonlySet<Leftover>
  readonly seconds: { readonly setup: number; readonly teardown: number }
  /** What the first that failed has said. */
  readonly why: string
}

/** All set up at once, each with a port of its own; then all taken down at once. */
export async function crowd(name: ContenderName, count: number): Promise<Crowd> {
  await using lab = await createLab()
  const yard = await layYard(lab, name, { resident: true })
  const all: Who[] = []
  for (let i = 0; i < count; i++) all.push(await yard.newcomer(20_000 + i))
  let why = ''
  const failed = async (task: 'setup' | 'teardown'): Promise<readonly [number, number]> => {
    const begun = performance.now()
    const ends = await Promise.all(
      all.map((who) =>
        yard.run(task, who).catch((error: unknown) => ({ exitCode: 1, stdout: '', stderr: String(error) })),
      ),
    )
    const bad = ends.filter(({ exitCode }) => exitCode !== 0)
    why ||= bad[0] === undefined ? '' : `${task}: ${bad[0].stdout}${bad[0].stderr}`.slice(0, 300)
    return [bad.length, (performance.now() - begun) / 1000]
  }
  const [failedSetups, setup] = await failed('setup')
  const [failedTeardowns, teardown] = await failed('teardown')
  await Promise.all(all.map(({ box }) => box.kill()))
  return { failedSetups, failedTeardowns, left: await yard.left(), seconds: { setup, teardown }, why }
}

/** How long after `nft flush ruleset` the port leads to its container again, in ms; undefined: not within `limitMs`. */
export async function flushed(name: ContenderName, limitMs: number): Promise<number | undefined> {
  await using lab = await createLab()
  const yard = await layYard(lab, name, { resident: true })
  const who = await yard.newcomer()
  const { exitCode, stdout, stderr } = await yard.run('setup', who)
  if (exitCode !== 0) throw new Error(`${name}: ${stdout}${stderr}`)
  await who.box.serve.tcp(80)
  if (!(await yard.answers(who.hostPort, 5000)))
    throw new Error(`${name}: port ${who.hostPort} does not answer`)
  await yard.host.run(['nft', 'flush', 'ruleset'])
  const begun = performance.now()
  for (; performance.now() - begun < limitMs; await sleep(5)) {
    if (await yard.answers(who.hostPort)) return performance.now() - begun
  }
  return undefined
}

/** How many of `count` containers a /28 serves one after the other, when nobody takes them down. */
export async function smallPool(name: ContenderName, count: number): Promise<number | undefined> {
  if (!contenders[name].hasPool) return undefined
  await using lab = await createLab()
  const yard = await layYard(lab, name, { resident: true, subnet: '10.97.7.0/28' })
  for (let served = 0; served < count; served++) {
    const who = await yard.newcomer()
    const { exitCode } = await yard.run('setup', who)
    if (exitCode !== 0) return served
    await who.box.kill()
    await yard.left()
  }
  return count
}
