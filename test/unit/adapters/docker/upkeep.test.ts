/**
 * What Docker does not tell: found by looking.
 *
 * @module
 */
import { afterEach, describe, expect, it } from 'vitest'
import type { DockerStopped, DockerView } from '../../../../lib/adapters/docker/api.ts'
import type { NetworkDocument } from '../../../../lib/adapters/docker/networks.ts'
import { startUpkeep } from '../../../../lib/adapters/docker/upkeep.ts'
import type { RemoteEngine } from '../../../../lib/engine/endpoint/remote.ts'
import { createEndpoint, createNetwork, ids, type Tried, tryDriver } from './driver.ts'

const ends: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0)) await end()
})

const nobody: DockerView = { networks: new Map(), endpoints: new Map() }
const listed: DockerView = {
  networks: new Map([[ids.network, 'front']]),
  endpoints: new Map([[ids.web, { container: 'f00d'.repeat(16), name: 'web', network: 'front' }]]),
}

/** @returns one look, and what it has found */
function upkeepOf(
  engine: RemoteEngine,
  view: DockerView | undefined,
  stopped: readonly DockerStopped[] = [],
) {
  const found: string[] = []
  const upkeep = startUpkeep({
    networks: { engine, documents: engine.documents<NetworkDocument>() },
    api: {
      view: async () => view,
      container: async () => ({ hostname: 'host', aliases: ['www'] }),
      stopped: async () => stopped,
      start: async (id) => {
        found.push(`started ${id}`)
        return true
      },
    },
    report: (what) => found.push(what),
  })
  ends.push(upkeep.stop)
  return { found, look: upkeep.look }
}

/** A network of the time before, and an endpoint on it. */
async function tried(options: { readonly endpoint: boolean; readonly ageMs?: number }): Promise<Tried> {
  const driver = tryDriver()
  await driver.call('NetworkDriver.CreateNetwork', createNetwork)
  if (options.endpoint) await driver.call('NetworkDriver.CreateEndpoint', createEndpoint)
  const documents = driver.engine.documents<NetworkDocument>()
  const document = documents.get(ids.network)
  const createdAt = new Date(Date.now() - (options.ageMs ?? 3_600_000)).toISOString()
  if (document !== undefined) documents.put(ids.network, { ...document, createdAt })
  return driver
}

const networks = (engine: RemoteEngine) =>
  engine.listNetworks().then((all) => all.map(({ config }) => config.name))

describe('looking after Docker', () => {
  it('a network Docker has removed while we were away goes, when it is missing twice', async () => {
    const { engine } = await tried({ endpoint: false })
    const { found, look } = upkeepOf(engine, nobody)
    await look()
    await look()
    expect(await networks(engine)).toEqual([])
    expect(found).toEqual(['docker network forgotten'])
  })

  it.each([
    ['somebody is on it', { endpoint: true }, nobody],
    ['it was made a moment ago', { endpoint: false, ageMs: 0 }, nobody],
    ['nobody can be asked', { endpoint: false }, undefined],
    ['Docker has it', { endpoint: false }, listed],
  ] as const)('stays when %s', async (_why, options, view) => {
    const { engine } = await tried(options)
    const { found, look } = upkeepOf(engine, view)
    for (let i = 0; i < 3; i++) await look()
    expect(await networks(engine)).toEqual(['docker-ab87ab87ab87'])
    expect(found).toEqual([])
  })

  it('an endpoint whose link Docker has left on the host is forgotten, its address and ports free again', async () => {
    const { call, engine, leaveBehind } = await tried({ endpoint: true })
    const Options = { 'com.docker.network.portmap': [{ Proto: 6, Port: 80, HostPort: 8080 }] }
    const endpoint = { NetworkID: ids.network, EndpointID: ids.web }
    await call('NetworkDriver.ProgramExternalConnectivity', { ...endpoint, Options })
    leaveBehind(ids.web)
    const { found, look } = upkeepOf(engine, undefined)
    await look()
    expect(found).toEqual(['docker endpoint forgotten'])
    expect(engine.ends.list()).toEqual([])
    const second = { ...createEndpoint, EndpointID: ids.db }
    await call('NetworkDriver.CreateEndpoint', second)
    expect(
      await call('NetworkDriver.ProgramExternalConnectivity', { ...endpoint, EndpointID: ids.db, Options }),
    ).toEqual({})
  })

  it('without waiting for a look, a port of an endpoint left behind is given to the next one', async () => {
    const { call, leaveBehind } = await tried({ endpoint: true })
    const Options = { 'com.docker.network.portmap': [{ Proto: 6, Port: 80, HostPort: 8080 }] }
    const endpoint = { NetworkID: ids.network, EndpointID: ids.web }
    await call('NetworkDriver.ProgramExternalConnectivity', { ...endpoint, Options })
    leaveBehind(ids.web)
    await call('NetworkDriver.CreateEndpoint', {
      ...createEndpoint,
      EndpointID: ids.db,
      Interface: { Address: '10.60.0.3/24' },
    })
    expect(
      await call('NetworkDriver.ProgramExternalConnectivity', { ...endpoint, EndpointID: ids.db, Options }),
    ).toEqual({})
  })

  it('containers and networks get the names people know them by', async () => {
    const { engine } = await tried({ endpoint: true })
    await upkeepOf(engine, listed).look()
    const [container] = await engine.list()
    expect(container?.container).toEqual({ id: 'f00d'.repeat(16), name: 'web', hostname: 'host' })
    expect(container?.attachments[0]?.aliases).toEqual(['www'])
    expect((await engine.inspect({ container: 'web' })).container.name).toBe('web')
    expect(engine.network('docker-ab87ab87ab87')).toMatchObject({
      labels: { 'docker.network': 'front' },
      options: { domain: 'front' },
    })
  })

  it.each([
    ['plugin "tsnet" not found', 'failed to add endpoint: plugin "tsnet" not found'],
    ['the socket is dead', 'dial unix /run/docker/plugins/tsnet.sock: connect: connection refused'],
    [
      'a call broke off',
      'Post "http://%2Frun%2Fdocker%2Fplugins%2Ftsnet.sock/NetworkDriver.CreateEndpoint": EOF',
    ],
    ['the host was busy', 'remote: tsnet: this host was too busy to do it within 850 ms (try again)'],
  ])('a container that Docker could not start because %s is started, once', async (_why, fault) => {
    const { engine } = await tried({ endpoint: false })
    const web = { id: ids.web, name: 'web', restarts: true, fault }
    const { found, look } = upkeepOf(engine, listed, [web])
    for (let i = 0; i < 2; i++) await look()
    expect(found).toEqual([`started ${ids.web}`, 'docker container started'])
  })

  it.each([
    ['has no restart policy', { restarts: false, fault: 'plugin "tsnet" not found' }],
    ['has ended by itself', { restarts: true, fault: '' }],
    ['failed for a port that is taken', { restarts: true, fault: 'remote: tsnet: publishing 80/tcp: held' }],
    ['has a fault of its own', { restarts: true, fault: 'exec: "nothing": executable file not found' }],
  ])('a container that %s stays as it is', async (_why, said) => {
    const { engine } = await tried({ endpoint: false })
    const { found, look } = upkeepOf(engine, listed, [{ id: ids.web, name: 'web', ...said }])
    for (let i = 0; i < 2; i++) await look()
    expect(found).toEqual([])
  })
})
