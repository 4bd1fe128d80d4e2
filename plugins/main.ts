/**
 * The CNI executables: one bundle that is whatever it is called as. The engine
 * is loaded when a plugin first asks for it.
 *
 * @module
 */

import { writeSync } from 'node:fs'
import { basename } from 'node:path'
import { runPlugin } from '../lib/adapters/cni/run.ts'
import { processIo } from '../lib/adapters/cni/serve.ts'
import { endWith } from '../lib/program.ts'
import { plugins } from './registry.ts'

async function main(name: string): Promise<number> {
  const load = plugins[name]
  if (load === undefined) {
    writeSync(2, `${name}: no CNI plugin of that name; there are ${Object.keys(plugins).join(', ')}\n`)
    return 1
  }
  const [word, ...rest] = process.argv.slice(2)
  if (name === 'dhcp' && word === 'daemon') {
    const { runDhcpDaemon } = await import('../lib/adapters/cni/dhcpdaemon.ts')
    return runDhcpDaemon(rest, (text) => void writeSync(2, text))
  }
  return runPlugin(await load(), processIo)
}

endWith(main(basename(process.argv[1] ?? '')))
