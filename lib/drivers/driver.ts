/**
 * Drivers of others: kinds of network that tsnet does not know itself.
 *
 * A driver decides and touches nothing: it answers with steps, as the bridge
 * driver does. tsnet writes them to the journal, carries them out, and takes
 * them back, so a driver needs no code for failures, teardown and the clean-up
 * after a crash, and a container can be taken down where its driver is gone.
 *
 * Not for drivers: addresses (leased from the network's subnets, as everywhere),
 * packet rules and published ports, names.
 *
 * @module
 */

import type { Address, Cidr, Family, Mac } from '../model/address.ts'
import type { IpamSubnet } from '../model/network.ts'
import type { ContainerInfo } from '../model/sandbox.ts'
import type { AttachmentPlan } from '../plan/plan.ts'
import type {
  AddressStep,
  BatchStep,
  BridgePortStep,
  BridgeStep,
  LinkUpStep,
  RouteStep,
  Step,
  SysctlStep,
  VethStep,
} from '../plan/step.ts'
import { type BridgeAttachmentInput, planInside } from './bridge-attachment.ts'

/** One effect, with its way back: {@link Step} says what each kind does. */
export type DriverStep =
  | AddressStep
  | BatchStep
  | BridgePortStep
  | BridgeStep
  | LinkUpStep
  | RouteStep
  | SysctlStep
  | VethStep

/** The network a driver plans for. */
export interface DriverNetwork {
  readonly name: string
  /** An interface name of the host that nobody else is given: for a link of the network. */
  readonly link: string
  readonly internal: boolean
  readonly subnets: readonly IpamSubnet[]
  readonly mtuBytes: number
  /** What was given with `-o KEY=VALUE`, but for `mtu`. */
  readonly options: Readonly<Record<string, string>>
}

/** The endpoint a driver plans: everything about it is chosen, but how it comes to be. */
export interface DriverEndpoint {
  readonly network: DriverNetwork
  readonly container: ContainerInfo
  /** Name the interface must have inside the sandbox. */
  readonly ifname: string
  /** An interface name of the host that nobody else is given: for its host end, where it has one. */
  readonly hostIfname: string
  /** Leased for it, at most one for each subnet. */
  readonly addresses: readonly Cidr[]
  readonly gateways: readonly Address[]
  readonly mac: Mac
  readonly mtuBytes: number
  /** Families whose default route is to go out here. */
  readonly defaultRoute: readonly Family[]
}

/** How an endpoint comes to be. */
export interface DriverPlan {
  /** On the host: must leave the interface in the sandbox. In lines of `batch` steps `$NETNS` stands for the sandbox. */
  readonly host: readonly DriverStep[]
  /** Inside. Absent: addresses, link up, routes by the gateways, as on a bridge network. */
  readonly sandbox?: readonly DriverStep[]
}

/** A kind of network. */
export interface Driver {
  /** What `--driver` calls it. */
  readonly name: string
  /** One sentence. */
  readonly about: string
  /** What `-o` takes, each with one sentence; others are refused. Absent: the functions below judge. */
  readonly options?: Readonly<Record<string, string>>
  /** What its endpoints share; made with the network, and again after a reboot. Errors thrown here refuse the network. */
  network(network: DriverNetwork): readonly DriverStep[] | Promise<readonly DriverStep[]>
  /** One endpoint. Errors thrown here refuse it, before anything is changed. */
  endpoint(endpoint: DriverEndpoint): DriverPlan | Promise<DriverPlan>
}

/** Kinds of network beside `bridge`, by name. */
export type Drivers = ReadonlyMap<string, Driver>

/** Checked by its type; hand it to `openEngine({ drivers: [...] })`. */
export function defineDriver(driver: Driver): Driver {
  return driver
}

/** What a driver is told of an endpoint. */
export function driverEndpoint(input: BridgeAttachmentInput, network: DriverNetwork): DriverEndpoint {
  const { container, ifname, hostIfname, cidrs, mac, mtuBytes, defaultRoute } = input
  const gateways = input.config.subnets.map(({ gateway }) => gateway)
  return { network, container, ifname, hostIfname, addresses: cidrs, gateways, mac, mtuBytes, defaultRoute }
}

/** Its answer as the plan of an attachment. */
export function planDriven(input: BridgeAttachmentInput, { host, sandbox }: DriverPlan): AttachmentPlan {
  const { config, ifname, hostIfname, cidrs, mac, mtuBytes, defaultRoute, aliases } = input
  const inside: readonly Step[] = sandbox ?? planInside(input)
  return {
    endpoint: host,
    sandbox: inside,
    publish: [],
    attachment: {
      network: config.name,
      driver: config.driver,
      ifname,
      hostIfname,
      bridge: config.options.bridge,
      addresses: cidrs,
      gateways: config.internal ? [] : config.subnets.map(({ gateway }) => gateway),
      mac,
      mtuBytes,
      aliases,
      defaultRoute: config.internal ? [] : defaultRoute,
      ports: [],
      firewall: 'none',
    },
  }
}
