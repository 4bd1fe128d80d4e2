/**
 * A host with one contender and a container of it that lives, and the judge of
 * what is left there: the same for all contenders.
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Host } from '../../netns-fixtures/host.ts'
import type { Lab } from '../../netns-fixtures/lab.ts'
import { CommandFailure, type RunResult } from '../../netns-fixtures/process.ts'
import { type Snapshot, snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'
import { filesOfDaemon, processesOf } from '../netns/chaosyard.ts'
import { layStreet } from '../netns/traceless.ts'
import { type ContenderName, contenders, type Task, type Who } from './contenders.ts'

/** What can be left of a container that is gone. */
export const leftovers = ['leases', 'links', 'rules', 'names', 'records', 'processes'] as const
export type Leftover = (typeof leftovers)[number]

export interface Yard {
  readonly host: Host
  readonly outside: Host
  /** Another container, which has the same port as all of its kind. */
  newcomer(hostPort?: number): Promise<Who>
  /** Program after program, until one fails, as engines do. @returns the last one's result */
  run(task: Task, who: Who, way?: Way): Promise<RunResult>
  /** Kinds of things that are otherwise than in the beginning, once the kernel has taken dead namespaces down. */
  left(): Promise<ReadonlySet<Leftover>>
  /** The lines behind {@link Yard.left}. */
  lines(): readonly string[]
  /** A connection from another machine through a published port. */
  /** @param timeoutMs default 1 000 */
  answers(hostPort: number, timeoutMs?: number): Promise<boolean>
}

/** What is done with each program of a task. */
export interface Way {
  /** Put before its argv. */
  readonly prefix?: (nth: number) => readonly string[]
  readonly ended?: (nth: number) => Promise<unknown>
  /** Of each program. Default 120,000. */
  readonly timeoutMs?: number
}

export interface YardOptions {
  /** With its daemon, where it has one. Default: programs alone. */
  readonly resident?: boolean
  readonly subnet?: string
}

const thePort = 8080
/** The exit code of a program that had to be killed after its time, as that of timeout(1). */
export const hung = 124

/** Where the next address is looked for; what a daemon keeps for itself. */
const except = [/last_reserved_ip/, /\.last[46]: /, ...filesOfDaemon]

export async function layYard(lab: Lab, name: ContenderName, options: YardOptions = {}): Promise<Yard> {
  const { resident = false, subnet = '10.98.0.0/16' } = options
  const contender = contenders[name]
  const { host, outside } = await layStreet(lab)
  if (resident) await contender.starts?.(host)
  await contender.prepare(host, subnet)
  let count = 0
  const newcomer = async (hostPort = thePort): Promise<Who> => {
    const box = await host.container()
    await box.sh('ip link set lo up')
    return { number: count++, box, hostPort }
  }
  const run: Yard['run'] = async (task, who, { prefix, ended, timeoutMs = 120_000 } = {}) => {
    const steps = resident ? contender.resident(task, who) : contender.steps(task, who)
    let result: RunResult = { exitCode: 0, stdout: '', stderr: '' }
    for (const [nth, step] of steps.entries()) {
      const { argv, options: how } = step(result.stdout)
      const words = [...(prefix?.(nth) ?? []), ...argv]
      result = await host.run(words, { timeoutMs, expectExit: 'any', ...how }).catch((error: unknown) => {
        if (!(error instanceof CommandFailure)) throw error
        return { ...error.result, exitCode: hung }
      })
      await ended?.(nth)
      if (result.exitCode !== 0) return result
    }
    if (task === 'setup') who.result = result.stdout
    return result
  }
  const demand = async (task: Task, who: Who): Promise<void> => {
    const { exitCode, stdout, stderr } = await run(task, who)
    if (exitCode !== 0) throw new Error(`${name} ${task} of its first containers: ${stdout}${stderr}`)
  }
  await demand('setup', await newcomer(9090))
  // The first to come and go leaves what is made once.
  const first = await newcomer()
  await demand('setup', first)
  await demand('teardown', first)
  await first.box.kill()
  const folders = ['/run/tsnet', '/var/lib/tsnet', '/run/cni', '/var/lib/cni', ...contender.folders]
  const look = async () => ({ host: await snapshot(host, { folders }), processes: commandsOf(host) })
  const before = await look()
  let lines: readonly string[] = []
  return {
    host,
    outside,
    newcomer,
    run,
    lines: () => lines,
    answers: async (hostPort, timeoutMs = 1000) =>
      (await outside.probe.tcp('198.51.100.1', hostPort, { timeoutMs })) === 'reached',
    left: async () => {
      await untilTakenDown(host, before.host)
      const after = await look()
      const more = after.processes.filter((one) => !before.processes.includes(one))
      lines = [
        ...snapshotDifference(before.host, after.host, { except }),
        ...more.map((one) => `+ process: ${one}`),
      ]
      return new Set(lines.map(kindOf))
    },
  }
}

/** Without probes of ours, and whatever their pids. */
const commandsOf = (host: Host): readonly string[] =>
  processesOf(host)
    .map((line) => line.replace(/^\d+ /, ''))
    .filter((line) => /tsnet|netavark|aardvark|cni/.test(line))

function kindOf(line: string): Leftover {
  const [, section = '', rest = ''] = /^[-+~] ([\w-]+): (.*)/.exec(line) ?? []
  if (section === 'process') return 'processes'
  if (/nft|tables/.test(section)) return 'rules'
  if (section !== 'files') return 'links'
  if (/\/(leases|cni\/networks)\b/.test(rest)) return 'leases'
  return /aardvark|\/(names|dns|zones)\b/.test(rest) ? 'names' : 'records'
}

/** A link whose other end is elsewhere goes with a dead namespace, in the kernel's own time. */
async function untilTakenDown(host: Host, before: Snapshot): Promise<void> {
  const known = new Set(before['link']?.map((line) => line.split(' ')[0]))
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; await sleep(20)) {
    const { stdout } = await host.run(['ip', '-json', 'link'])
    const links = JSON.parse(stdout) as { ifname: string; link_netnsid?: number }[]
    if (!links.some(({ ifname, link_netnsid }) => !known.has(ifname) && link_netnsid !== undefined)) return
  }
}
