/**
 * Leasing addresses in the files of CNI's `host-local`.
 *
 * @module
 */

import { readFileSync } from 'node:fs'
import { fail } from '../../errors/codes.ts'
import {
  candidatesIn,
  completeSets,
  describeSet,
  isIn,
  type RangeRequest,
  type RangeSet,
} from '../../ipam/hostlocal.ts'
import { type Address, type Cidr, familyOf, prefixLength, withPrefix } from '../../model/address.ts'
import { type LeaseFolder, leaseFolder } from '../../state/leasefiles.ts'
import type { EngineContext } from '../context.ts'
import { underLock } from '../foreignlock.ts'

export interface HostLocalRequest {
  readonly dataDir: string
  readonly network: string
  readonly container: string
  readonly ifname: string
  readonly sets: readonly (readonly RangeRequest[])[]
  /** Each must lie in one of the sets. */
  readonly asked: readonly Address[]
}

export interface GivenAddress {
  readonly cidr: Cidr
  readonly gateway: Address
}

type Place = Pick<HostLocalRequest, 'dataDir' | 'network'>

export interface HostLocal {
  /** @throws TSNET_POOL_EXHAUSTED, TSNET_ADDRESS_IN_USE, TSNET_ALREADY_ATTACHED (conflict), TSNET_ADDRESS_UNUSABLE (invalid) */
  add(request: HostLocalRequest): Promise<readonly GivenAddress[]>
  remove(owner: Place & { readonly container: string; readonly ifname: string }): Promise<void>
  has(owner: Place & { readonly container: string; readonly ifname: string }): boolean
  /** Releases all leases but those of `valid`. */
  gc(
    place: Place & { readonly valid: readonly { readonly container: string; readonly ifname: string }[] },
  ): Promise<void>
  /** @returns the set that has no address left */
  exhausted(request: Place & Pick<HostLocalRequest, 'sets'>): string | undefined
  /** The lines of a resolv.conf file. */
  readResolvConf(path: string): string
}

export function createHostLocal(context: EngineContext): HostLocal {
  const locked = <T>(folder: LeaseFolder, work: () => T): Promise<T> =>
    underLock({ path: folder.lock, timeoutMs: lockTimeoutMs }, work)
  return {
    add: async (request) => {
      const sets = completeSets(request.sets)
      const folder = leaseFolder(request.dataDir, request.network, true)
      return locked(folder, () => {
        folder.forgetOtherBoots(context.kernel.bootId())
        return addLocked(folder, request, sets)
      })
    },
    remove: async ({ dataDir, network, container, ifname }) => {
      const folder = leaseFolder(dataDir, network, false)
      if (ownLeases(folder, container, ifname).length === 0) return
      await locked(folder, () => {
        for (const { address } of ownLeases(folder, container, ifname)) folder.release(address)
      })
    },
    has: ({ dataDir, network, container, ifname }) =>
      ownLeases(leaseFolder(dataDir, network, false), container, ifname).length > 0,
    gc: async ({ dataDir, network, valid }) => {
      const folder = leaseFolder(dataDir, network, false)
      if (folder.list().length === 0) return
      await locked(folder, () => {
        for (const { address, container, ifname } of folder.list()) {
          const living = valid.some(
            (one) => one.container === container && (ifname === undefined || one.ifname === ifname),
          )
          if (!living) folder.release(address)
        }
      })
    },
    exhausted: ({ dataDir, network, sets }) => {
      const folder = leaseFolder(dataDir, network, false)
      const full = completeSets(sets).find((set) => {
        for (const { address } of candidatesIn(set, undefined)) if (!folder.has(address)) return false
        return true
      })
      return full === undefined ? undefined : describeSet(full)
    },
    readResolvConf: (path) => readFileSync(path, 'utf8'),
  }
}

const lockTimeoutMs = 120_000

/** Leases of an attachment; those without ifname (old format) count where there is no other. */
function ownLeases(folder: LeaseFolder, container: string, ifname: string): ReturnType<LeaseFolder['list']> {
  const of = folder.list().filter((lease) => lease.container === container)
  const exact = of.filter((lease) => lease.ifname === ifname)
  return exact.length > 0 ? exact : of.filter((lease) => lease.ifname === undefined)
}

function addLocked(
  folder: LeaseFolder,
  request: HostLocalRequest,
  sets: readonly RangeSet[],
): readonly GivenAddress[] {
  const { container, ifname } = request
  const [held] = ownLeases(folder, container, ifname).filter((lease) => lease.ifname === ifname)
  if (held !== undefined) {
    throw fail('TSNET_ALREADY_ATTACHED', {
      message: `${held.address} has been allocated to ${container}, duplicate allocation is not allowed`,
      field: 'CNI_CONTAINERID',
      value: container,
      hint: 'DEL it first',
    })
  }
  const given: GivenAddress[] = []
  const left = new Set(request.asked)
  try {
    for (const [index, set] of sets.entries()) {
      const asked = [...left].find((address) =>
        set.some((range) => isIn(range, address) || address === range.gateway),
      )
      if (asked !== undefined) left.delete(asked)
      given.push(
        asked === undefined ? takeNext(folder, request, set, index) : takeAsked(folder, request, set, asked),
      )
    }
    if (left.size > 0) {
      throw fail('TSNET_ADDRESS_UNUSABLE', {
        message: `failed to allocate all requested IPs: ${[...left].join(' ')}`,
        field: 'ips',
        value: [...left],
        hint: `they lie in none of ${sets.map(describeSet).join(' ')}`,
      })
    }
    return given
  } catch (error) {
    for (const { cidr } of given) folder.release(cidr.slice(0, cidr.indexOf('/')))
    throw error
  }
}

function takeAsked(
  folder: LeaseFolder,
  { container, ifname }: HostLocalRequest,
  set: RangeSet,
  asked: Address,
): GivenAddress {
  const range = set.find((one) => isIn(one, asked)) ?? (set[0] as RangeSet[number])
  if (set.some(({ gateway }) => gateway === asked)) {
    throw fail('TSNET_ADDRESS_UNUSABLE', {
      message: `requested ip ${asked} is subnet's gateway`,
      field: 'ips',
      value: asked,
      hint: 'ask for another one',
    })
  }
  if (!folder.take(asked, container, ifname)) {
    throw fail('TSNET_ADDRESS_IN_USE', {
      message: `requested IP address ${asked} is not available in range set ${describeSet(set)}`,
      field: 'ips',
      value: asked,
      hint: 'ask for another one, or leave it out',
    })
  }
  return { cidr: withPrefix(asked, prefixLength(range.subnet)), gateway: range.gateway }
}

function takeNext(
  folder: LeaseFolder,
  { container, ifname }: HostLocalRequest,
  set: RangeSet,
  index: number,
): GivenAddress {
  const last = folder.last(index) as Address | undefined
  const family = familyOf((set[0] as RangeSet[number]).subnet)
  const after = last !== undefined && familyOf(last) === family ? last : undefined
  for (const { address, range } of candidatesIn(set, after)) {
    if (!folder.take(address, container, ifname)) continue
    folder.setLast(index, address)
    return { cidr: withPrefix(address, prefixLength(range.subnet)), gateway: range.gateway }
  }
  throw fail('TSNET_POOL_EXHAUSTED', {
    message: `no IP addresses available in range set: ${describeSet(set)}`,
    field: 'ranges',
    value: describeSet(set),
    hint: 'widen the range; GC frees what nobody uses',
  })
}
