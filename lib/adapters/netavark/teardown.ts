/**
 * `teardown`: goes on over errors and tells all of them at the end. What is gone
 * already is no error (decisions 14), a namespace that is gone neither.
 *
 * @module
 */

import { existsSync } from 'node:fs'
import type { Call } from './call.ts'
import { severalErrors } from './errors.ts'
import { driversOf } from './setup.ts'

export async function teardown(call: Call): Promise<string> {
  if (!existsSync(call.line.arg)) {
    call.log('warn', 'commands::teardown', `${call.line.arg} is gone: only the host's side is cleared`)
  }
  const errors: unknown[] = []
  for (const { driver } of await driversOf(call)) {
    await driver.teardown().catch((error: unknown) => errors.push(error))
  }
  if (errors.length > 0) throw severalErrors(errors)
  return ''
}
