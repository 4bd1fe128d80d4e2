/**
 * `update NETWORK --network-dns-servers LIST`: whom the name server asks for a
 * network from now on; an empty list means whom the host asks.
 *
 * @module
 */

import { type Address, parseAddress } from '../../model/address.ts'
import { setForwarders } from './aardvarkfolder.ts'
import type { Call } from './call.ts'
import { NetavarkError } from './errors.ts'

export async function update(call: Call): Promise<string> {
  const { arg: network, config, dnsServers } = call.line
  const servers = dnsServers
    .flatMap((list) => list.split(','))
    .filter((text) => text !== '')
    .map(readServer)
  if (config === undefined) {
    throw new NetavarkError('--config not specified but required for netavark update')
  }
  await setForwarders(config, network, servers)
  await (await call.engine()).setForwarders(network, servers)
  return ''
}

function readServer(text: string): Address {
  const address = parseAddress(text.trim())
  if (address !== undefined) return address
  throw new NetavarkError(`unable to parse ip ${text} specified in option: invalid IP address syntax`)
}
