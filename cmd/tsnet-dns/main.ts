/**
 * `tsnet-dns`: the name server's process. Started by the engine with the first
 * network that has names, or by `aardvark-dns run`, never by hand.
 *
 * @module
 */

import { folderWord, runAardvarkServer, runNameServer } from '../../lib/nameserver.ts'

const argv = process.argv.slice(2)
if (argv[0] === folderWord) void runAardvarkServer(argv)
else runNameServer(argv)
