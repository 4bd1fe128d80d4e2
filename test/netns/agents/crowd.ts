/**
 * Several engines in one process, at work at the same time, in the throwaway
 * host this process was started in.
 *
 * Arguments: `setup` or `teardown`, how many engines, then names of namespaces
 * below /run/netns, `NAME=NETWORK` to join another than the default one. Prints
 * one JSON line for each: the addresses, or the error.
 *
 * @module
 */
import { type Cidr, decodeSetupRequest, type Engine, isTsnetError, openEngine } from '../../../lib/index.ts'

const [task, count, ...names] = process.argv.slice(2)
const engines = await Promise.all(
  Array.from({ length: Number(count) }, () => openEngine({ firewall: 'nftables' })),
)

async function work(engine: Engine, word: string): Promise<readonly Cidr[]> {
  const [name = '', network] = word.split('=')
  if (task === 'teardown') {
    const gone = await engine.teardown({ container: name })
    return gone?.attachments.flatMap(({ addresses }) => addresses) ?? []
  }
  const request = decodeSetupRequest({
    sandbox: { name },
    container: { id: name },
    publish: ['80'],
    ...(network === undefined ? {} : { networks: [network] }),
  })
  return (await engine.setup(request)).attachments.flatMap(({ addresses }) => addresses)
}

await Promise.all(
  names.map(async (name, i) => {
    try {
      const addresses = await work(engines[i % engines.length] as Engine, name)
      console.log(JSON.stringify({ name, addresses }))
    } catch (error) {
      console.log(JSON.stringify({ name, error: isTsnetError(error) ? error : String(error) }))
    }
  }),
)
for (const engine of engines) await engine.close()
