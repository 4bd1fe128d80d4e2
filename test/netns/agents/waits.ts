/**
 * A set-up that waits half a second for a lock somebody else has; prints its error.
 *
 * @module
 */
import { asTsnetError, decodeSetupRequest, openEngine } from '../../../lib/index.ts'

const engine = await openEngine({ firewall: 'nftables', lockTimeoutMs: 500 })
try {
  await engine.setup(decodeSetupRequest({ sandbox: process.argv[2] }))
} catch (error) {
  const { code, message, hint, retryable } = asTsnetError(error)
  console.log(`${code}\n${message}\n${hint}\nretryable ${retryable}`)
}
await engine.close()
