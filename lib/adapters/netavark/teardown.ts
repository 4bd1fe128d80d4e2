/**
 * `teardown`: goes on over errors and tells all of them at the end. What is gone
 * already is no error (decisions 14), a namespace that is gone neither. SIGINT and
 * SIGTERM do not end it: podman would give the addresses to others.
 *
 * @module
 */

import { existsSync } from 'node:fs'
import type { Call } from './call.ts'
import { severalErrors } from './errors.ts'
import { movePorts } from './servedports.ts'
import { checkedDriver, needConfig, partsOf } from './setup.ts'

export async function teardown(call: Call): Promise<string> {
  for (const name of ['SIGINT', 'SIGTERM'] as const) call.signals.on(name, () => undefined)
  if (!existsSync(call.line.arg)) {
    call.log('warn', 'commands::teardown', `${call.line.arg} is gone: only the host's side is cleared`)
  }
  const errors: unknown[] = []
  const parts = partsOf(call)
  needConfig(call, parts.options.generation)
  for (const joining of parts.options.networks) {
    try {
      const { driver } = checkedDriver(parts, joining)(await call.engine())
      await driver.teardown()
    } catch (error) {
      errors.push(error)
    }
  }
  try {
    await movePorts(call, parts.options)
  } catch (error) {
    errors.push(error)
  }
  if (errors.length > 0) throw severalErrors(errors)
  return ''
}
