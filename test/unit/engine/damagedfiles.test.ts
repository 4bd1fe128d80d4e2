/**
 * Every file an engine keeps, hurt in every way: what does not concern it goes
 * on, whoever it concerns is told its path and the way out, and in the end
 * nothing is left in the kernel. With TSNET_CHAOS=whole every way for every file.
 *
 * @module
 */
import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { decodeCreateNetwork, decodeSetupRequest, type Engine, engineOn } from '../../../lib/index.ts'
import { createMemoryKernel, type MemoryKernel } from '../../../lib/kernel/memory/memory.ts'
import { damage } from '../state/damage.ts'

interface World {
  readonly folder: string
  readonly kernel: MemoryKernel
  readonly engine: Engine
  readonly said: string[]
  readonly setUp: (id: string, network: string, port: number) => Promise<unknown>
}

async function build(firewall: 'nftables' | 'iptables' = 'nftables'): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'tsnet-damaged-'))
  const kernel = createMemoryKernel()
  const said: string[] = []
  const options = { stateDir: folder, firewall, lockTimeoutMs: 500 } as const
  const engine = await engineOn(kernel, { ...options, onWarning: (text) => said.push(text) })
  const setUp: World['setUp'] = (id, network, port) => {
    kernel.addSandbox(`/sandboxes/${id}`)
    const container = { id, name: id }
    const wish = { sandbox: `/sandboxes/${id}`, container, networks: [network], publish: [`${port}:80`] }
    return engine.setup(decodeSetupRequest(wish))
  }
  await engine.createNetwork(decodeCreateNetwork({ name: 'front' }))
  await engine.createNetwork(decodeCreateNetwork({ name: 'back' }))
  await setUp('web', 'front', 8080)
  await setUp('db', 'back', 5432)
  await setUp('eph', 'bridge', 8081)
  // Of another time than what follows, so that no copy in memory is taken for what is hurt.
  const then = new Date(Date.now() - 60_000)
  for (const path of filesBelow(folder)) utimesSync(join(folder, path), then, then)
  return { folder, kernel, engine, said, setUp }
}

function filesBelow(folder: string, path = ''): readonly string[] {
  return readdirSync(folder + path)
    .sort()
    .flatMap((name) => {
      const below = `${path}/${name}`
      return lstatSync(folder + below).isDirectory() ? filesBelow(folder, below) : [below]
    })
}

/** Which of them fail, and as what. */
async function failures(
  { folder }: World,
  path: string,
  calls: Readonly<Record<string, () => Promise<unknown>>>,
): Promise<readonly string[]> {
  const failed: string[] = []
  for (const [name, call] of Object.entries(calls)) {
    try {
      await call()
    } catch (error) {
      const { code, message, hint = '' } = error as { code?: string; message: string; hint?: string }
      failed.push(name)
      // One that says which file it is, and what to do.
      expect({ code, message, hint }).toEqual({
        code: 'TSNET_STATE_UNREADABLE',
        message: expect.stringContaining(join(folder, path)),
        hint: expect.stringMatching(/mend|remove|take it away/),
      })
    }
  }
  return failed
}

const kinds = [
  '/boot',
  '/ephemeral/tsnet.json',
  '/leases/front/.last4',
  '/leases/front/10.89.0.2',
  '/names/web',
  '/ports/tcp/8080/any',
  '/units/base@nftables.json',
  '/units/network.front.json',
  '/units/network.tsnet.json',
  '/units/rules.front@nftables.json',
]

const some = ['cut to nothing', 'of a newer version', 'a folder']
const ways = process.env['TSNET_CHAOS'] === 'whole' ? Object.keys(damage) : some

const cases = (paths: readonly string[]): readonly { path: string; how: string }[] =>
  paths.flatMap((path) => ways.map((how) => ({ path, how })))

function hurt({ folder }: World, path: string, how: string): void {
  damage[how]?.(folder + path, readFileSync(folder + path, 'utf8'))
}

/** All that anybody asks for; in the end everything is taken down. */
const life = ({ engine, setUp }: World): Readonly<Record<string, () => Promise<unknown>>> => ({
  list: () => engine.list(),
  networks: () => engine.listNetworks(),
  check: () => engine.check(),
  'a container on the same network': () => setUp('second', 'front', 9090),
  'a container on another network': () => setUp('third', 'back', 9091),
  'a container on the default network': () => setUp('fourth', 'bridge', 9092),
  gc: () => engine.gc(),
  ...Object.fromEntries(
    ['second', 'third', 'fourth', 'web', 'db', 'eph'].map((id) => [
      `teardown ${id}`,
      () => engine.teardown({ container: id }),
    ]),
  ),
  'remove front': () => engine.removeNetwork('front'),
  prune: () => engine.prune(),
})

const left = ({ folder }: World): readonly string[] => (existsSync(folder) ? filesBelow(folder) : [])
const ofOurs = ({ kernel }: World): string | undefined =>
  /tsnet:|inet tsnet|ts-\w+/.exec(String(kernel.dump()))?.[0]

it('these are all kinds of files there are', async () => {
  const world = await build()
  const found = new Set(
    filesBelow(world.folder).map((path) => path.replace(/\d+\.\d+\.\d+\.\d+$/, 'ADDRESS')),
  )
  for (const path of [...kinds, '/containers/web.json', '/networks/front.json', '/locks/host'])
    found.delete(path.replace(/\d+\.\d+\.\d+\.\d+$/, 'ADDRESS'))
  const same = /^\/(?:containers|ephemeral|leases|locks|names|networks|ports|units)\//
  expect([...found].filter((path) => !same.test(path))).toEqual([])
  rmSync(world.folder, { recursive: true })
})

/** What was set aside, and what stays as long as the folder does. */
const keeps = /\.unreadable|^\/boot$|^\/locks\//

describe('what tsnet has written for itself', () => {
  it.each(cases(kinds))('$path $how: nobody fails, and nothing is left', async ({ path, how }) => {
    const world = await build()
    hurt(world, path, how)
    expect(await failures(world, path, life(world))).toEqual([])
    expect({
      files: left(world).filter((file) => !keeps.test(file)),
      kernel: ofOurs(world),
    }).toEqual({ files: [], kernel: undefined })
    rmSync(world.folder, { recursive: true, force: true })
  })

  it.each(cases(['/leases/front/10.89.0.2', '/ports/tcp/8080/any', '/names/web']))(
    '$path $how: it stays with whom it belongs to, and gc writes it anew',
    async ({ path, how }) => {
      const world = await build()
      const { engine, setUp, said } = world
      const owner = readFileSync(world.folder + path, 'utf8')
      hurt(world, path, how)
      await engine.gc()
      expect(readFileSync(world.folder + path, 'utf8')).toBe(owner)
      expect(said.filter((line) => line.includes('had lost its owner'))).toHaveLength(1)
      await expect(setUp('second', 'front', 8080)).rejects.toMatchObject({ code: 'TSNET_PORT_IN_USE' })
      const second = (await setUp('second', 'front', 9090)) as { attachments: { addresses: string[] }[] }
      expect(second.attachments[0]?.addresses).not.toContain('10.89.0.2/24')
      expect(await engine.check()).toEqual([])
      rmSync(world.folder, { recursive: true })
    },
  )

  it.each(ways)('the record of a container %s: others come and go', async (how) => {
    const world = await build()
    const path = '/containers/web.json'
    hurt(world, path, how)
    const { 'remove front': _held, 'teardown web': _own, ...rest } = life(world)
    expect(await failures(world, path, rest)).toEqual([])
    // What it held stays held: its own container may live.
    await expect(world.engine.removeNetwork('front')).rejects.toMatchObject({ code: 'TSNET_NETWORK_IN_USE' })
    expect(world.said.filter((line) => line.includes('web.json'))).toHaveLength(1)
    expect(lstatSync(`${world.folder}${path}.unreadable`)).toBeDefined()
    await world.engine.teardown({ container: 'web' })
    await world.engine.removeNetwork('front')
    expect(await withoutTrace(world)).toBe(true)
  })
})

/** Nothing of ours is left, on disk or in the kernel. */
async function withoutTrace(world: World): Promise<boolean> {
  await world.engine.prune()
  expect({ files: left(world).filter((file) => !keeps.test(file)), kernel: ofOurs(world) }).toEqual({
    files: [],
    kernel: undefined,
  })
  rmSync(world.folder, { recursive: true, force: true })
  return true
}

describe.each(['nftables', 'iptables'] as const)('with %s, a container whose record is lost', (firewall) => {
  /** Two containers whose ports are in one chain, and one on a protected network. */
  async function street(): Promise<World & { readonly bare: string }> {
    const world = await build(firewall)
    const { engine, setUp, kernel } = world
    for (const id of ['web', 'db', 'eph']) await engine.teardown({ container: id })
    await engine.createNetwork(decodeCreateNetwork({ name: 'safe', options: { protect: 'strict' } }))
    await setUp('db', 'front', 8090)
    const bare = kernel.dump()
    await setUp('web', 'front', 8080)
    const wish = decodeSetupRequest({
      sandbox: '/sandboxes/web',
      container: { id: 'web' },
      networks: [],
      publish: ['8081:81'],
    })
    await engine.attach({ ...wish, networks: [{ network: 'safe', ifname: 'eth7', defaultRoute: false }] })
    return { ...world, bare }
  }

  /** Without what is inside those that come and go. */
  const ofHost = (text: string): readonly string[] =>
    text
      .replace(/^sandbox \/sandboxes\/(?:web|third|other)\n(?: {2}.*\n)*/gm, '')
      .split('\n')
      .filter((line) => line !== '')
      .toSorted()

  const lose = ({ folder }: World, ...names: readonly string[]): void => {
    for (const name of names) writeFileSync(join(folder, 'containers', name), '{')
  }

  it('is found by teardown, by id, name or prefix, and goes whole', async () => {
    for (const word of ['web', 'web~named']) {
      const world = await street()
      if (word !== 'web') {
        await world.engine.teardown({ container: 'web' })
        const container = { id: '0123456789abcdef', name: 'named' }
        await world.engine.setup(
          decodeSetupRequest({
            sandbox: '/sandboxes/web',
            container,
            networks: ['front'],
            publish: ['8080:80'],
          }),
        )
        lose(world, '0123456789abcdef.json')
      } else lose(world, 'web.json', 'web~eth7.json')
      await world.engine.list()
      const gone = await world.engine.teardown({ container: word === 'web' ? 'web' : 'named' })
      expect(gone?.attachments.map(({ network, addresses }) => `${network} ${addresses}`)).toEqual(
        word === 'web' ? ['front 10.89.0.4/24', 'safe 10.89.2.2/24'] : ['front 10.89.0.5/24'],
      )
      expect(ofHost(world.kernel.dump())).toEqual(ofHost(world.bare))
      expect(await world.engine.check()).toEqual([])
      expect(left(world).filter((file) => file.includes('unreadable'))).toEqual([])
      await world.engine.teardown({ container: 'db' })
      for (const name of ['front', 'back', 'safe']) await world.engine.removeNetwork(name)
      expect(await withoutTrace(world)).toBe(true)
    }
  })

  it('keeps its rules while others come, go and have theirs put back', async () => {
    const world = await street()
    const before = world.kernel.dump()
    lose(world, 'web.json', 'web~eth7.json')
    await world.setUp('third', 'front', 8085)
    await world.engine.teardown({ container: 'third' })
    await world.engine.gc()
    await world.engine.reapplyRules()
    expect(ofHost(world.kernel.dump())).toEqual(ofHost(before))
    expect((await world.engine.check()).map(({ kind, subject }) => [kind, subject])).toEqual([
      ['record', 'web'],
      ['record', 'web~eth7'],
    ])
  })

  it('is taken down interface by interface, as CNI does', async () => {
    const world = await street()
    lose(world, 'web~eth7.json')
    await world.engine.detach('web', 'eth7')
    expect(
      (await world.engine.list()).map(({ container: { id }, attachments }) => [id, attachments.length]),
    ).toEqual([
      ['db', 1],
      ['web', 1],
    ])
    await world.engine.teardown({ container: 'web' })
    expect(ofHost(world.kernel.dump())).toEqual(ofHost(world.bare))
  })

  it('goes with its sandbox: gc takes it down', async () => {
    const world = await street()
    lose(world, 'web.json', 'web~eth7.json')
    await world.engine.list()
    world.kernel.removeSandbox('/sandboxes/web')
    expect((await world.engine.gc()).containers.toSorted()).toEqual(['web', 'web~eth7'])
    expect(ofHost(world.kernel.dump())).toEqual(ofHost(world.bare))
  })

  it('is set up anew by its own set-up', async () => {
    const world = await street()
    const { engine, kernel } = world
    await engine.detach('web', 'eth7')
    lose(world, 'web.json')
    const wish = { sandbox: '/sandboxes/web', container: { id: 'web', name: 'web' }, networks: ['front'] }
    const { attachments } = await engine.setup(decodeSetupRequest({ ...wish, publish: ['8080:80'] }))
    expect(attachments.map(({ ifname }) => ifname)).toEqual(['eth0'])
    expect(await engine.check()).toEqual([])
    kernel.addSandbox('/sandboxes/other')
    lose(world, 'web.json')
    await expect(
      engine.setup(decodeSetupRequest({ ...wish, sandbox: '/sandboxes/other' })),
    ).rejects.toMatchObject({ code: 'TSNET_NAME_IN_USE' })
    await engine.teardown({ container: 'web' })
    expect(ofHost(kernel.dump())).toEqual(ofHost(world.bare))
  })

  it('of which not even the file is left: gc takes its rules and links, and nobody else’s', async () => {
    const world = await street()
    for (const name of ['web.json', 'web~eth7.json']) rmSync(join(world.folder, 'containers', name))
    const { orphans, leases, ports } = await world.engine.gc()
    expect({ orphans, leases, ports }).toEqual({
      orphans: ['web/eth0', 'web/eth7'],
      leases: ['front/10.89.0.4', 'safe/10.89.2.2'],
      ports: ['any:8080/tcp', 'any:8081/tcp'],
    })
    expect(ofHost(world.kernel.dump())).toEqual(ofHost(world.bare))
    expect(await world.engine.check()).toEqual([])
  })

  it('of another tsnet, with a state folder of its own: left alone as long as it lives', async () => {
    const world = await street()
    const folder = mkdtempSync(join(tmpdir(), 'tsnet-damaged-'))
    const other = await engineOn(world.kernel, { stateDir: folder, firewall })
    const before = world.kernel.dump()
    await other.gc()
    expect(world.kernel.dump()).toBe(before)
    rmSync(folder, { recursive: true })
  })

  it('of another tsnet that sets a container up just now: left alone', async () => {
    const world = await street()
    const folder = mkdtempSync(join(tmpdir(), 'tsnet-damaged-'))
    const { kernel } = world
    const taggedRules: typeof kernel.taggedRules = async (backends) => {
      await world.setUp('late', 'safe', 8091)
      return kernel.taggedRules(backends)
    }
    const other = await engineOn({ ...kernel, taggedRules }, { stateDir: folder, firewall })
    await other.gc()
    expect(await world.engine.check()).toEqual([])
    rmSync(folder, { recursive: true })
  })
})

describe('what a user may have written himself', () => {
  it.each(ways)('a network’s definition %s: its containers go, others stay, and it is kept', async (how) => {
    const world = await build()
    const path = '/networks/front.json'
    hurt(world, path, how)
    const { 'remove front': remove, prune: _later, ...rest } = life(world)
    expect(await failures(world, path, rest)).toEqual(['a container on the same network'])
    expect(await failures(world, path, { inspect: () => world.engine.inspectNetwork('front') })).toEqual([
      'inspect',
    ])
    expect((await world.engine.check()).map(({ kind, subject }) => [kind, subject])).toEqual([
      ['definition', 'front'],
    ])
    expect(lstatSync(world.folder + path, { throwIfNoEntry: false })).toBeDefined()
    await remove?.()
    await world.engine.prune()
    expect(left(world).filter((file) => !/^\/(?:boot$|locks\/)/.test(file))).toEqual(
      how === 'a folder' ? [] : [`${path}.unreadable`],
    )
    expect(ofOurs(world)).toBeUndefined()
    rmSync(world.folder, { recursive: true })
  })

  it('a definition that was mended is used again, with its containers', async () => {
    const world = await build()
    const path = `${world.folder}/networks/front.json`
    const text = readFileSync(path, 'utf8')
    writeFileSync(path, text.slice(5))
    expect((await world.engine.listNetworks()).map(({ config }) => config.name)).toEqual(['back', 'tsnet'])
    expect(world.said).toEqual([expect.stringContaining(path)])
    writeFileSync(path, text)
    await world.setUp('second', 'front', 9090)
    expect(await world.engine.check()).toEqual([])
    rmSync(world.folder, { recursive: true })
  })
})

describe('what has taken the place of a lock', () => {
  it.each(['a folder', 'a link to itself'])('%s: one error that names it', async (how) => {
    const world = await build()
    const path = '/locks/host'
    hurt(world, path, how)
    const { engine } = world
    expect(
      await failures(world, path, {
        list: () => engine.list(),
        gc: () => engine.gc(),
        teardown: () => engine.teardown({ container: 'web' }),
      }),
    ).toEqual(['gc', 'teardown'])
    rmSync(world.folder + path, { recursive: true })
    await engine.teardown({ container: 'web' })
    expect(await engine.check()).toEqual([])
    rmSync(world.folder, { recursive: true })
  })
})
