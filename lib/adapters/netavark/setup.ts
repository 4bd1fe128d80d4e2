/**
 * `setup`: every network of the call, in order; on failure those done are taken
 * down again, and the one that failed has taken itself back.
 *
 * @module
 */

import { statSync } from 'node:fs'
import type { PluginEngine } from '../../engine/plugins.ts'
import type { Family } from '../../model/address.ts'
import type { Attaching, Call } from './call.ts'
import { checkDriver, type Driver } from './drivers.ts'
import { ioText, NetavarkError, within } from './errors.ts'
import { requireFirewalld } from './firewalld.ts'
import { firewallDriver, type Generation } from './options.ts'
import { checkForwards } from './ports.ts'
import { decodeNetworkOptions, type Joining, type NetworkOptions, networkOf } from './request.ts'
import type { StatusBlock } from './status.ts'
import { takeBack } from './wayback.ts'

export async function setup(call: Call): Promise<string> {
  try {
    statSync(call.line.arg)
  } catch (error) {
    throw new NetavarkError(`invalid namespace path: ${ioText(error)}`)
  }
  const drivers = await driversOf(call)
  const answer: Record<string, StatusBlock> = {}
  const done: Driver[] = []
  const served = new Set<Family>()
  for (const { name, driver } of drivers) {
    try {
      answer[name] = await driver.setup(served)
      done.push(driver)
    } catch (error) {
      await takeBack(call, ...done.reverse().map((one) => () => one.teardown()))
      throw error
    }
  }
  return `${JSON.stringify(answer)}\n`
}

/** One network of the call, and what is done with it. */
interface Named {
  readonly name: string
  readonly driver: Driver
}

/** All of them checked before the engine is opened. @throws NetavarkError */
async function driversOf(call: Call): Promise<readonly Named[]> {
  const parts = partsOf(call)
  needConfig(call, parts.options.generation)
  checkForwards(parts.options.portMappings)
  checkServers(parts.options)
  const checked = parts.options.networks.map((joining) => checkedDriver(parts, joining))
  if (checked.length === 0) return []
  if (parts.firewall === 'firewalld') await requireFirewalld(call)
  const engine = await call.engine()
  // `podman network reload` asks for the MAC a container had: the cure for rules that were flushed.
  if (parts.options.networks.some(({ staticMac }) => staticMac !== undefined)) await engine.reapplyRules()
  return checked.map((make) => make(engine))
}

type Parts = Pick<Attaching, 'call' | 'options' | 'firewall'>

export function partsOf(call: Call): Parts {
  const options = decodeNetworkOptions(inputOf(call))
  const firewall = firewallDriver(call.line.firewall, call.env['NETAVARK_FW'])
  return { call, options, firewall }
}

/** @throws NetavarkError */
export function checkedDriver(parts: Parts, joining: Joining): (engine: PluginEngine) => Named {
  const attaching = { ...parts, joining, network: networkOf(parts.options, joining.name) }
  const make = checkDriver(attaching)
  return (engine) => ({ name: joining.name, driver: make({ ...attaching, engine }) })
}

/** netavark 1 falls back to /tmp; what would be written there only serves others' tools. */
export function needConfig({ line: { config, verb }, asPlugin }: Call, generation: Generation): void {
  if (config !== undefined || generation === 1 || asPlugin === true) return
  throw new NetavarkError(`--config not specified but required for netavark ${verb}`)
}

/** A name server that is asked to ask itself would ask for ever. */
function checkServers({ networks, networkInfo, dnsServers = [] }: NetworkOptions): void {
  const named = networks.map(({ name }) => networkOf({ networkInfo }, name)).filter((one) => one.dnsEnabled)
  const asked = [...dnsServers, ...named.flatMap(({ networkDnsServers }) => networkDnsServers)]
  for (const { name, subnets } of named) {
    const own = subnets.find(({ gateway }) => gateway !== undefined && asked.includes(gateway))?.gateway
    if (own === undefined) continue
    throw new NetavarkError(`dns server ${own} is the gateway of network ${name}: it would ask itself`)
  }
}

function inputOf(call: Call): string {
  try {
    return call.input()
  } catch (error) {
    throw within('failed to load network options', error)
  }
}
