/**
 * `setup`: every network of the call, in order; on failure those done are taken
 * down again, and the one that failed has taken itself back.
 *
 * @module
 */

import { statSync } from 'node:fs'
import type { Family } from '../../model/address.ts'
import type { Attaching, Call } from './call.ts'
import { checkDriver, type Driver } from './drivers.ts'
import { ioText, NetavarkError, textOf, within } from './errors.ts'
import { firewallDriver } from './options.ts'
import { checkForwards } from './ports.ts'
import { decodeNetworkOptions, networkOf } from './request.ts'
import type { StatusBlock } from './status.ts'

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
      for (const one of done.reverse()) {
        await one
          .teardown()
          .catch((late: unknown) =>
            call.log('error', 'commands::setup', `taking down again: ${textOf(late)}`),
          )
      }
      throw error
    }
  }
  return `${JSON.stringify(answer)}\n`
}

/** All of them checked before the engine is opened. @throws NetavarkError */
export async function driversOf(
  call: Call,
): Promise<readonly { readonly name: string; readonly driver: Driver }[]> {
  const options = decodeNetworkOptions(inputOf(call))
  const firewall = firewallDriver(call.line.firewall, call.env['NETAVARK_FW'])
  checkForwards(options.portMappings)
  const checked = options.networks.map(
    (joining): [Omit<Attaching, 'engine'>, ReturnType<typeof checkDriver>] => {
      const attaching = { call, options, joining, network: networkOf(options, joining.name), firewall }
      return [attaching, checkDriver(attaching)]
    },
  )
  if (checked.length === 0) return []
  const engine = await call.engine()
  return checked.map(([attaching, make]) => ({
    name: attaching.network.name,
    driver: make({ ...attaching, engine }),
  }))
}

function inputOf(call: Call): string {
  try {
    return call.input()
  } catch (error) {
    throw within('failed to load network options', error)
  }
}
