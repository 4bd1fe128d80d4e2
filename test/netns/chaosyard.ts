/**
 * A host on which one set-up and its teardown are spoiled again and again,
 * beside a container that lives and must not notice.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Container, Host } from '../../netns-fixtures/host.ts'
import type { Lab } from '../../netns-fixtures/lab.ts'
import { processesBeside } from '../../netns-fixtures/namespaces.ts'
import type { RunResult } from '../../netns-fixtures/process.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'
import { type Point, pointsOf, runSpoiled, tsnetWords } from './strace.ts'
import { layStreet } from './traceless.ts'

/** What is set up. */
export interface Case {
  readonly what: string
  readonly firewall: 'nftables' | 'iptables'
  readonly iptables?: 'nft' | 'legacy'
  readonly words: readonly string[]
}

const published = ['--container-name', 'one', '-p', '8080:80', '-p', '127.0.0.1:5353:53/udp']

export const cases: readonly Case[] = [
  { what: 'a port on nftables', firewall: 'nftables', words: published },
  { what: 'a port on iptables-nft', firewall: 'iptables', words: published },
  { what: 'a port on iptables-legacy', firewall: 'iptables', iptables: 'legacy', words: published },
  {
    what: 'two networks and files of its own',
    firewall: 'nftables',
    words: [
      ...['--network', 'shop', '--network', 'bridge', '--sysctl', 'net.core.somaxconn=77'],
      ...['--resolv-conf', '/run/one.resolv', '--hosts', '/run/one.hosts'],
    ],
  },
  { what: 'mode none', firewall: 'nftables', words: ['--network', 'none'] },
  { what: 'mode container', firewall: 'nftables', words: ['--network', 'container:living'] },
]

/** A command line and one of its system calls. */
export interface Chance {
  readonly task: readonly string[]
  readonly point: Point
}

export interface ChaosYard {
  readonly host: Host
  /** Where `one` is set up, unless it shares another's. */
  readonly box: Container
  /** Words of a set-up of container `one`, and of its teardown. */
  readonly setup: readonly string[]
  readonly teardown: readonly string[]
  tsnet(...words: string[]): Promise<RunResult>
  /** What `tsnet check` finds. */
  check(): Promise<unknown>
  /** Every call of both that changes something. */
  chances(): Promise<readonly Chance[]>
  spoil(chance: Chance, how: string): Promise<RunResult>
  /** What is otherwise than in the beginning: on the host, in the sandbox, among the processes. */
  changed(): Promise<readonly string[]>
}

/** Which address a network of its own gives next; the empty file of a lock that could not be taken. */
const except = [/files: .*\/leases\/shop\/\.last4: /, /files: .*\/locks\/container-one /]

/** What a daemon keeps for itself, with the folder it is in. */
export const filesOfDaemon: readonly RegExp[] = [/files: \/run\/tsnet(\/tsnetd\.|\/ )/]

export interface Beside {
  /** Lines of a snapshot that belong to somebody else. */
  readonly mayDiffer?: readonly RegExp[]
  /** Starts what is there all the time. */
  readonly stays?: (host: Host) => Promise<unknown>
}

export async function layChaosYard(
  lab: Lab,
  { firewall, iptables = 'nft', words }: Case,
  { mayDiffer = [], stays }: Beside = {},
): Promise<ChaosYard> {
  const { host } = await layStreet(lab, { iptables })
  const env = { TSNET_FIREWALL: firewall, TSNET_VIA: 'local' }
  const tsnet = (...args: string[]): Promise<RunResult> => host.tsnet(...args, { env, timeoutMs: 30_000 })
  const [living, box] = [await host.container(), await host.container()]
  if (words.includes('shop')) await tsnet('network', 'create', 'shop', '--subnet', '10.90.0.0/24')
  // Elsewhere the last one to leave takes network and rules along; beside one that lives it must not.
  const sharing = words.includes('container:living')
  if (sharing || words.includes('none'))
    await tsnet('setup', '--netns', living.netns, '--id', 'living', '-p', '9090:90')
  const setup = ['setup', ...(sharing ? [] : ['--netns', box.netns]), '--id', 'one', ...words]
  const teardown = ['teardown', 'one']
  await stays?.(host)
  const staying = processesOf(host)
  // A bridge of its own and the files beside it stay as they are only after their first container.
  await tsnet(...setup)
  await tsnet(...teardown)
  // Its name server may still be there, and would be missed afterwards.
  await processesEnd(host, staying)
  const look = async () => ({
    host: await snapshot(host),
    inside: (await box.sh('ip -br addr; cat /proc/sys/net/core/somaxconn')).stdout,
    processes: processesOf(host),
  })
  const before = await look()
  return {
    host,
    box,
    setup,
    teardown,
    tsnet,
    check: () => host.tsnetJson('check', { env, expectExit: 'any' }),
    chances: async () => {
      const all: Chance[] = []
      for (const task of [setup, teardown])
        for (const point of await pointsOf(host, [...tsnetWords, ...task], { env })) all.push({ point, task })
      return all
    },
    spoil: ({ task, point }, how) => runSpoiled(host, [...tsnetWords, ...task], { point, how, env }),
    changed: async () => {
      // A name server that has been told to end does so in its own time.
      await processesEnd(host, before.processes)
      const after = await look()
      return [
        ...after.processes.filter((one) => !before.processes.includes(one)),
        ...before.processes.filter((one) => !after.processes.includes(one)).map((one) => `ended: ${one}`),
        ...(after.inside === before.inside ? [] : [`inside: ${after.inside}`]),
        ...snapshotDifference(before.host, after.host, { except: [...except, ...mayDiffer] }),
      ]
        .slice(0, 9)
        .map((line) => line.slice(0, 200))
    },
  }
}

async function processesEnd(host: Host, before: readonly string[]): Promise<void> {
  const deadline = Date.now() + 20_000
  while (processesOf(host).some((one) => !before.includes(one)) && Date.now() < deadline) await sleep(20)
}

/** What lives in the network namespace of a host: `PID command line`. */
export function processesOf(host: Host): readonly string[] {
  return processesBeside(host.pid).flatMap((pid) => {
    try {
      return [`${pid} ${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')}`]
    } catch {
      return [] // it has ended
    }
  })
}
