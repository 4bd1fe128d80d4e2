/**
 * `tsnet-dns`: the name server's process. Started by the engine with the first
 * network that has names, never by hand.
 *
 * @module
 */

import { runNameServer } from '../../lib/nameserver.ts'

runNameServer(process.argv.slice(2))
