/**
 * What every engine promises, wherever it does its work.
 *
 * Written without a test framework, so that it runs on the memory kernel inside
 * vitest and on a real host in a process of its own (test/netns/agents/engine.ts),
 * there in this process and at the daemon. Each case gets a world of its own.
 *
 * @module
 */
import { deepEqual, equal, match, notEqual, ok } from 'node:assert/strict'
import type { ContainerNetwork, Engine, EngineOptions, SetupRequest } from '../../lib/index.ts'
import { decodeCreateNetwork, decodeSetupRequest, isTsnetError } from '../../lib/index.ts'

export interface EngineWorld {
  /** An engine of this world's host; several see the same records. */
  engine(options?: Pick<EngineOptions, 'onStep'>): Promise<Engine>
  /** A fresh network namespace. @returns its path */
  sandbox(): Promise<string>
  /** Its last process ends. */
  endSandbox(path: string): Promise<void>
  /** The namespace of the host itself, by a path that means so to its process. */
  readonly ownNamespace: string
  /** All that can be seen of the host, of its sandboxes and of the records; equal for equal states. */
  dump(): Promise<string>
}

export interface EngineCase {
  readonly title: string
  run(world: EngineWorld): Promise<void>
}

const request = (sandbox: string, rest: object = {}): SetupRequest => decodeSetupRequest({ sandbox, ...rest })

/** What stays for the whole host's sake, such as forwarding, is there after one round. */
async function settled(world: EngineWorld): Promise<Engine> {
  const engine = await world.engine()
  const path = await world.sandbox()
  await engine.setup(request(path, { container: { id: 'first' }, publish: ['9:9'] }))
  await engine.teardown({ container: 'first' })
  await world.endSandbox(path)
  return engine
}

async function refusal(work: Promise<unknown>): Promise<Record<string, unknown>> {
  try {
    await work
  } catch (error) {
    ok(isTsnetError(error), `no error of tsnet: ${String(error)}`)
    const { code, kind, field, value } = error
    notEqual(error.message, '')
    return { code, kind, field, value }
  }
  throw new Error('it was not refused')
}

/** Of what differs only the lines that do: dumps are long. */
function sameLines(after: string, before: string): void {
  const [now, then] = [after.split('\n'), before.split('\n')]
  const come = now.filter((line) => !then.includes(line)).map((line) => `+ ${line}`)
  const gone = then.filter((line) => !now.includes(line)).map((line) => `- ${line}`)
  deepEqual([...gone, ...come], [])
  equal(after, before)
}

const addressesOf = ({ attachments }: ContainerNetwork): readonly string[] =>
  attachments.flatMap(({ addresses }) => addresses)

export const engineContract: readonly EngineCase[] = [
  {
    title: 'sets a container up, tells the same of it every time, and takes it down without a trace',
    run: async (world) => {
      const engine = await settled(world)
      const path = await world.sandbox()
      const before = await world.dump()
      const wanted = request(path, { container: { id: 'web1', name: 'web' }, publish: ['8080:80'] })
      const web = await engine.setup(wanted)
      equal(web.container.name, 'web')
      equal(web.sandbox.path, path)
      notEqual(await world.dump(), before)
      deepEqual(await engine.setup(wanted), web)
      deepEqual(await engine.list(), [web])
      deepEqual(await engine.inspect({ container: 'web' }), web)
      deepEqual(await engine.inspect({ sandboxPath: path }), web)
      deepEqual(await engine.check(), [])
      deepEqual(await engine.teardown({ sandboxPath: path }), web)
      equal(await engine.teardown({ container: 'web1' }), undefined)
      sameLines(await world.dump(), before)
    },
  },
  {
    title: 'sees what another engine of the same host has done',
    run: async (world) => {
      const [one, other] = [await world.engine(), await world.engine()]
      const web = await one.setup(request(await world.sandbox(), { container: { id: 'web' } }))
      deepEqual(await other.list(), [web])
      deepEqual(await other.teardown({ container: 'web' }), web)
      deepEqual(await one.list(), [])
    },
  },
  {
    title: 'refuses another request for the same container, and keeps the first',
    run: async (world) => {
      const engine = await world.engine()
      const path = await world.sandbox()
      const web = await engine.setup(request(path, { container: { id: 'web' } }))
      const refused = await refusal(
        engine.setup(request(path, { container: { id: 'web' }, publish: ['80'] })),
      )
      deepEqual(refused, { code: 'TSNET_ALREADY_ATTACHED', kind: 'conflict', field: 'id', value: 'web' })
      deepEqual(await engine.list(), [web])
    },
  },
  {
    title: 'shows what it would do, changes nothing, and then does just that',
    run: async (world) => {
      const engine = await settled(world)
      const path = await world.sandbox()
      const before = await world.dump()
      const wanted = request(path, { container: { id: 'web' }, publish: ['8080:80'] })
      const planned = await engine.plan(wanted)
      match(planned.script, /^#!\/bin\/sh\n/)
      ok(planned.steps.some(({ kind }) => kind === 'veth'))
      sameLines(await world.dump(), before)
      deepEqual(addressesOf(await engine.setup(wanted)), addressesOf(planned.result))
    },
  },
  {
    title: 'refuses a path that is no namespace, and its own',
    run: async (world) => {
      const engine = await world.engine()
      const none = await refusal(engine.setup(request('/run/netns/nothing')))
      deepEqual([none['code'], none['value']], ['TSNET_NOT_A_NETNS', '/run/netns/nothing'])
      const own = await refusal(engine.setup(request(world.ownNamespace)))
      deepEqual([own['code'], own['value']], ['TSNET_OWN_NETNS', world.ownNamespace])
    },
  },
  {
    title: 'attaches and detaches one by one',
    run: async (world) => {
      const engine = await settled(world)
      const path = await world.sandbox()
      const before = await world.dump()
      const on = (ifname: string, defaultRoute: boolean): SetupRequest => ({
        ...request(path, { container: { id: 'pod' } }),
        networks: [{ network: 'tsnet', ifname, defaultRoute }],
      })
      const first = await engine.attach(on('eth0', true))
      const second = await engine.attach(on('net1', false))
      deepEqual(await engine.attach(on('eth0', true)), first)
      deepEqual((await engine.inspect({ container: 'pod' })).attachments, [
        ...first.attachments,
        ...second.attachments,
      ])
      deepEqual(await engine.detach('pod', 'eth0'), first)
      equal(await engine.detach('pod', 'eth0'), undefined)
      deepEqual(await engine.detach('pod', 'net1'), second)
      sameLines(await world.dump(), before)
    },
  },
  {
    title: 'takes everything back when it is interrupted',
    run: async (world) => {
      const engine = await settled(world)
      const path = await world.sandbox()
      const before = await world.dump()
      const { code, kind } = await refusal(engine.setup(request(path), { signal: AbortSignal.abort() }))
      deepEqual({ code, kind }, { code: 'TSNET_INTERRUPTED', kind: 'busy' })
      sameLines(await world.dump(), before)
    },
  },
  {
    title: 'makes, shows and removes networks, but not under a container',
    run: async (world) => {
      const engine = await settled(world)
      const before = await world.dump()
      const shop = await engine.createNetwork(
        decodeCreateNetwork({ name: 'shop', subnets: ['10.90.0.0/24'], labels: { for: 'sale' } }),
      )
      deepEqual((await engine.inspectNetwork('shop')).config, shop)
      deepEqual(
        (await refusal(engine.createNetwork(decodeCreateNetwork({ name: 'shop' }))))['code'],
        'TSNET_NETWORK_EXISTS',
      )
      const path = await world.sandbox()
      const joined = request(path, { container: { id: 'till' }, networks: ['shop'] })
      deepEqual(addressesOf(await engine.setup(joined)), ['10.90.0.2/24'])
      deepEqual((await refusal(engine.removeNetwork('shop')))['code'], 'TSNET_NETWORK_IN_USE')
      deepEqual(
        (await engine.listNetworks()).map(({ config, containers }) => [
          config.name,
          containers.map(({ id }) => id),
        ]),
        [['shop', ['till']]],
      )
      await engine.teardown({ container: 'till' })
      await world.endSandbox(path)
      equal(await engine.removeNetwork('shop'), undefined)
      await engine.createNetwork(decodeCreateNetwork({ name: 'idle' }))
      deepEqual(await engine.pruneNetworks(), ['idle'])
      deepEqual((await refusal(engine.removeNetwork('idle')))['code'], 'TSNET_NO_SUCH_NETWORK')
      sameLines(await world.dump(), before)
    },
  },
  {
    title: 'cleans up after a container that died',
    run: async (world) => {
      const engine = await settled(world)
      const before = await world.dump()
      const path = await world.sandbox()
      await engine.setup(request(path, { container: { id: 'gone' }, publish: ['8080:80'] }))
      await world.endSandbox(path)
      // The kernel takes a namespace away in its own time.
      const deadline = Date.now() + 30_000
      let report = await engine.gc()
      while (report.containers.length === 0 && Date.now() < deadline) report = await engine.gc()
      deepEqual(report.containers, ['gone'])
      deepEqual(await engine.list(), [])
      deepEqual((await refusal(engine.inspect({ container: 'gone' })))['code'], 'TSNET_NO_SUCH_CONTAINER')
      sameLines(await world.dump(), before)
    },
  },
  {
    title: 'serves many at the same time, each with an address of its own',
    run: async (world) => {
      const engine = await settled(world)
      const paths: string[] = []
      for (let i = 0; i < 12; i++) paths.push(await world.sandbox())
      const before = await world.dump()
      const all = await Promise.all(
        paths.map((path, i) =>
          engine.setup(request(path, { container: { id: `box${i}` }, publish: [`${9000 + i}:80`] })),
        ),
      )
      equal(new Set(all.flatMap(addressesOf)).size, all.flatMap(addressesOf).length)
      deepEqual(await engine.check(), [])
      const gone = await Promise.all(all.map(({ container }) => engine.teardown({ container: container.id })))
      deepEqual(gone, all)
      sameLines(await world.dump(), before)
    },
  },
  {
    title: 'gives each of many its own error',
    run: async (world) => {
      const engine = await world.engine()
      const paths = [await world.sandbox(), await world.sandbox(), await world.sandbox()]
      const ends = await Promise.allSettled(
        paths.map((path, i) =>
          engine.setup(request(path, { container: { id: `box${i}` }, publish: ['8080:80'] })),
        ),
      )
      deepEqual(ends.map(({ status }) => status).sort(), ['fulfilled', 'rejected', 'rejected'])
      for (const end of ends) {
        if (end.status === 'rejected') ok(isTsnetError(end.reason, 'TSNET_PORT_IN_USE'), String(end.reason))
      }
      equal((await engine.list()).length, 1)
    },
  },
  {
    title: 'tells each step as it is applied',
    run: async (world) => {
      const lines: string[] = []
      const engine = await world.engine({ onStep: (line) => lines.push(line) })
      await engine.setup(request(await world.sandbox(), { container: { id: 'web' } }))
      ok(
        lines.some((line) => line.includes('type veth')),
        lines.join('\n'),
      )
    },
  },
]
