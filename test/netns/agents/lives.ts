/**
 * The library for random lives: one request a line, `{ nth, request }` to set
 * up, `{ nth, container }` to take down; answers as `NTH JSON`, in any order.
 *
 * @module
 */
import { createInterface } from 'node:readline'
import { asTsnetError, decodeSetupRequest, type Engine, openEngine } from '../../../lib/index.ts'

interface Call {
  readonly nth: number
  readonly request?: { readonly firewall: 'nftables' | 'iptables' }
  readonly container?: string
}

const engines: Record<'nftables' | 'iptables', Engine> = {
  nftables: await openEngine({ via: 'local', firewall: 'nftables' }),
  iptables: await openEngine({ via: 'local', firewall: 'iptables' }),
}

async function answer({ request, container }: Call): Promise<object> {
  try {
    if (request === undefined) {
      await engines.nftables.teardown({ container: container ?? '' })
      return {}
    }
    const { firewall, ...rest } = request
    return { given: await engines[firewall].setup(decodeSetupRequest(rest)) }
  } catch (error) {
    const { code, message } = asTsnetError(error)
    return { code, error: message }
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const call = JSON.parse(line) as Call
  void answer(call).then((said) => console.log(`${call.nth} ${JSON.stringify(said)}`))
}
