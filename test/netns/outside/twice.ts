// Two copies of the package in one process: this one, and the one whose path is the first word.
import { pathToFileURL } from 'node:url'
import * as own from 'tsnet'

const [path = '', one = '', two = ''] = process.argv.slice(2)
const other = (await import(pathToFileURL(path).href)) as typeof own
if (other.TsnetError === own.TsnetError) throw new Error('these are not two copies')

async function attempt(name: string, work: () => Promise<string>): Promise<void> {
  try {
    console.log(name, await work())
  } catch (error) {
    if (!own.isTsnetError(error)) throw error
    const code = error.code === 'TSNET_NOT_A_NETNS' ? error.code : `${error.code} ${error.message}`
    console.log(name, code, error instanceof own.TsnetError, error instanceof other.TsnetError)
  }
}

await using first = await own.openEngine({ via: 'local' })
await using second = await other.openEngine({ via: 'local' })
const setup = async (engine: own.Engine, id: string, sandbox: string, publish: readonly string[]) => {
  const { attachments } = await engine.setup(own.decodeSetupRequest({ sandbox, container: { id }, publish }))
  return attachments[0]?.addresses.filter((cidr) => cidr.includes('.')).join() ?? ''
}
await attempt('first', () => setup(first, 'first', one, ['8080:80']))
await attempt('second', () => setup(second, 'second', two, ['8080:80']))
await attempt('second', () => setup(second, 'second', two, ['8081:80']))
console.log((await first.list()).map(({ container }) => container.id).join())
// Each takes down what the other has made.
await second.teardown({ container: 'first' })
await first.teardown({ container: 'second' })
await attempt('first', () => setup(first, 'third', '/etc/hosts', []))
