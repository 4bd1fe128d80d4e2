/**
 * Everything `doctor` and `trace` look at, read once.
 *
 * @module
 */

import type { Engine, Finding, NetworkInspect } from '../../engine/engine.ts'
import { readWaysOut } from '../../kernel/look/facts.ts'
import { type InsideView, lookInside } from '../../kernel/namespace/inside.ts'
import { askUdp } from '../../kernel/packets/probesocket.ts'
import { fileText } from '../../kernel/system/processes.ts'
import { type Address, type Family, isLoopback, parseAddress } from '../../model/address.ts'
import type { WayOut } from '../../plan/facts.ts'
import { hostOf } from '../find.ts'
import { takeInventory } from '../inventory.ts'
import type { Inventory, NamespaceView } from '../views.ts'
import type { RuleTable } from '../walk/model.ts'
import { readTables } from '../walk/tables.ts'
import { probeWaysOut, type WayProbe } from './waysout.ts'

export interface Patient {
  readonly inventory: Inventory
  readonly networks: readonly NetworkInspect[]
  /** What records and kernel disagree about. */
  readonly disagreements: readonly Finding[]
  readonly sysctls: ReadonlyMap<string, string | undefined>
  readonly rules: readonly RuleTable[]
  /** By the id of the namespace. */
  readonly inside: ReadonlyMap<string, InsideView>
  /** Whom the host asks for names, and who of them did not answer. */
  readonly resolvers: readonly { readonly server: Address; readonly answers: boolean }[]
  readonly ways: readonly WayProbe[]
  /** Where the kernel sends packets to elsewhere: routes alone do not tell, of several tables less than ever. */
  readonly wayOut: Readonly<Record<Family, WayOut | undefined>>
}

const ownNetns = '/proc/self/ns/net'
const hostKeys = ['net/ipv4/ip_forward', 'net/ipv6/conf/all/forwarding', 'net/ipv4/conf/all/rp_filter']
/** Name servers beyond this are asked by nobody (MAXNS in resolv.h). */
const mostServers = 3
const answerMs = 1500

export async function examine(engine: Engine): Promise<Patient> {
  const [inventory, networks, disagreements, rules, resolvers, wayOut] = await Promise.all([
    takeInventory(engine),
    engine.listNetworks(),
    engine.check(),
    readTables(),
    askResolvers(),
    readWaysOut(),
  ])
  const host = hostOf(inventory)
  const ways =
    host === undefined
      ? []
      : await probeWaysOut(
          host,
          resolvers.map(({ server }) => server).filter((server) => !isLoopback(server)),
          wayOut,
        )
  const inside = new Map(
    inventory.namespaces
      .filter(({ own, record, container }) => !own && (record !== undefined || container !== undefined))
      .flatMap((view) => {
        const seen = lookInside(view.path, insideKeys(view))
        return seen === undefined ? [] : [[view.id, seen] as const]
      }),
  )
  return {
    inventory,
    networks,
    disagreements,
    sysctls: lookInside(ownNetns, hostKeys)?.sysctls ?? new Map(),
    rules,
    inside,
    resolvers,
    ways,
    wayOut,
  }
}

function insideKeys({ interfaces }: NamespaceView): readonly string[] {
  return ['all', ...interfaces.map(({ name }) => name)].map((name) => `net/ipv4/conf/${name}/rp_filter`)
}

/** Servers the name server asks: the host's, or those behind a stub where all are the host itself. */
function hostServers(): readonly Address[] {
  const read = (path: string): readonly Address[] =>
    (fileText(path) ?? '').split('\n').flatMap((line) => {
      const word = /^\s*nameserver\s+(\S+)/.exec(line)?.[1]
      const address = word === undefined ? undefined : parseAddress(word)
      return address === undefined ? [] : [address]
    })
  const own = read('/etc/resolv.conf').slice(0, mostServers)
  return own.some((server) => !isLoopback(server))
    ? own
    : read('/run/systemd/resolve/resolv.conf').slice(0, mostServers)
}

async function askResolvers(): Promise<Patient['resolvers']> {
  return Promise.all(
    hostServers().map(async (server) => {
      const answer = await askUdp(server, 53, rootQuestion(), { timeoutMs: answerMs }).catch(
        () => 'unreachable',
      )
      return { server, answers: typeof answer !== 'string' }
    }),
  )
}

/** NS of the root: every server has an answer to that, if only a refusal. */
function rootQuestion(): Buffer {
  const id = Math.floor(Math.random() * 0xffff)
  return Buffer.from([id >> 8, id & 0xff, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1])
}
