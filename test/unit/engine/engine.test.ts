import { describe, expect, it } from 'vitest'
import {
  decodeCreateNetwork,
  decodeSetupRequest,
  type Engine,
  engineOn,
  type Interruption,
} from '../../../lib/index.ts'
import { createMemoryKernel } from '../../../lib/kernel/memory/memory.ts'
import { flocker } from '../../../lib/kernel/system/lock.ts'
import type { Address, Cidr } from '../../../lib/model/address.ts'
import { hostIfname } from '../../../lib/model/names.ts'
import { createLocks } from '../../../lib/state/lock.ts'
import { statePaths } from '../../../lib/state/paths.ts'
import { picture, unlike, yardOf } from './operations.ts'
import { stateText } from './state.ts'
import { codeOf, world } from './world.ts'

const idsOf = async (engine: Engine): Promise<readonly string[]> =>
  (await engine.list()).map(({ container }) => container.id)

describe('finding', () => {
  it('takes a full id, a name, the beginning of an id, and refuses one that fits several', async () => {
    const { engine, kernel } = await world()
    for (const id of ['0123456789aa', '0123456789bb', 'ffff000011']) {
      kernel.addSandbox(`/run/netns/${id}`)
      await engine.setup(
        decodeSetupRequest({ sandbox: `/run/netns/${id}`, container: { id, name: `n-${id.slice(-2)}` } }),
      )
    }
    const found = (container: string): Promise<string> =>
      engine.inspect({ container }).then(
        (one) => one.container.id,
        (error: Error) => error.message,
      )
    expect([
      await found('0123456789aa'),
      await found('n-bb'),
      await found('ffff'),
      await found('fff'),
      await found('01234567'),
      await found(''),
    ]).toEqual([
      '0123456789aa',
      '0123456789bb',
      'ffff000011',
      'finding container fff: tsnet has none of that id or name',
      'finding container 01234567: 2 ids begin like that',
      'finding container : tsnet has none of that id or name',
    ])
  })
})

describe('a word that is the id of one container and the name of another', () => {
  it('means the first, also where that has attachments only', async () => {
    const { engine, kernel } = await world()
    for (const name of ['one', 'two', 'three', 'four']) kernel.addSandbox(`/run/netns/${name}`)
    const setup = (sandbox: string, container: { readonly id: string; readonly name?: string }) =>
      engine.setup(decodeSetupRequest({ sandbox: `/run/netns/${sandbox}`, container }))
    await setup('one', { id: 'one', name: 'web' })
    await setup('two', { id: 'web' })
    await setup('three', { id: 'three', name: 'plugged' })
    await engine.attach(
      decodeSetupRequest({
        sandbox: '/run/netns/four',
        container: { id: 'plugged' },
        networks: [{ network: 'tsnet', ifname: 'eth7' }],
      }),
    )
    const paths = ['web', 'plugged'].map(
      async (container) => (await engine.inspect({ container })).sandbox.path,
    )
    expect(await Promise.all(paths)).toEqual(['/run/netns/two', '/run/netns/four'])
  })
})

describe('a repeat', () => {
  it('is the same wish whatever the order of its fields', async () => {
    const { engine } = await world()
    const one = decodeSetupRequest({
      sandbox: '/run/netns/one',
      container: { id: 'c', labels: { a: '1', b: '2' } },
    })
    const first = await engine.setup(one)
    const { container, ...rest } = one
    expect(
      await engine.setup({ container: { labels: { b: '2', a: '1' }, ...{ id: 'c' } }, ...rest }),
    ).toEqual(first)
    expect(container.id).toBe('c')
    expect(await codeOf(engine.setup({ ...one, container: { id: 'c' } }))).toBe(
      'TSNET_ALREADY_ATTACHED: setting up c: it was set up before with a different request',
    )
  })
})

describe('the dead', () => {
  it('are taken down when their port, name, address or id is wanted, and not before', async () => {
    for (const wish of [
      { publish: ['8080:80'] },
      { container: { id: 'two', name: 'one' } },
      { networks: ['bridge:ip=10.89.0.2'] },
      { container: { id: 'one' } },
    ]) {
      const { engine, kernel, setUp } = await world()
      await setUp('one', { publish: ['8080:80'] })
      kernel.removeSandbox('/run/netns/one')
      await setUp('next')
      expect(await idsOf(engine)).toEqual(['next', 'one'])
      const { container } = await setUp('two', wish)
      expect([...(await idsOf(engine))].sort()).toEqual([container.id, 'next'].sort())
      expect((await engine.inspect({ container: container.id })).sandbox.path).toBe('/run/netns/two')
      expect(await engine.check()).toEqual([])
    }
  })

  it('are left alone by a dry run that would need what they have', async () => {
    const there = await world()
    await there.setUp('one', { publish: ['8080:80'], networks: ['bridge:ip=10.89.0.9'] })
    there.kernel.removeSandbox('/run/netns/one')
    const before = there.picture()
    const { result } = await there.engine.plan(
      decodeSetupRequest({
        sandbox: '/run/netns/two',
        container: { id: 'two' },
        publish: ['8080:80'],
        networks: ['bridge:ip=10.89.0.9'],
      }),
    )
    expect(result.attachments[0]?.addresses[0]).toBe('10.89.0.9/24')
    expect(unlike([before], there.picture())).toEqual([])
  })
})

describe('a dry run', () => {
  it('answers what the run will answer, but for the time', async () => {
    const there = await world()
    const request = decodeSetupRequest({
      sandbox: '/run/netns/one',
      container: { id: 'one' },
      publish: ['80', '81/udp'],
    })
    const before = there.picture()
    const { result } = await there.engine.plan(request)
    expect(unlike([before], there.picture())).toEqual([])
    expect({ ...(await there.engine.setup(request)), createdAt: '' }).toEqual({ ...result, createdAt: '' })
  })
})

describe('after a reboot, with the state folder on a disk', () => {
  it('user networks are made again at first use, and containers of before are taken down', async () => {
    const { engine, folder, setUp } = await world()
    await engine.createNetwork(decodeCreateNetwork({ name: 'shop', subnets: ['10.90.0.0/24'] }))
    await setUp('one', { networks: ['shop'], publish: ['8080:80'] })
    await setUp('two')

    const kernel = createMemoryKernel({ host: { bootId: '11111111-1111-4111-8111-111111111111' } })
    const again = await engineOn(kernel, { stateDir: folder, firewall: 'nftables' })
    const yard = yardOf(kernel, again)
    await yard.setUp('next', { networks: ['shop'], publish: ['8080:80'] })
    expect(await again.check({ container: 'next' })).toEqual([])
    expect((await again.inspectNetwork('shop')).live).toBe(true)
    expect(await again.gc()).toMatchObject({ containers: ['two'], networks: ['tsnet'] })
    expect(await again.check()).toEqual([])
    await again.teardown({ container: 'next' })
    await again.removeNetwork('shop')
    expect(picture(kernel, folder).state).toBe('')
  })
})

describe('flags of a bridge port', () => {
  it('that it has lost are mended by a command, and with its link by a new setup', async () => {
    const { kernel, engine, setUp } = await world()
    const name = (await setUp('one')).attachments[0]?.hostIfname ?? ''
    const flags = { kind: 'bridgePort', where: 'host', name, hairpin: false, isolated: false } as const
    expect((await kernel.apply([flags], undefined)).error).toBe(undefined)
    const line = `bridge link set dev ${name} hairpin on isolated off`
    expect(await engine.check()).toEqual([
      { kind: 'step', step: 'bridgePort', subject: 'one', what: `missing: ${line}`, hint: line },
    ])
    Object.assign(kernel, { hostLink: async () => undefined })
    expect((await engine.check()).map(({ hint }) => hint)).toEqual([
      'tsnet teardown --id one, then set it up again',
    ])
  })
})

describe('names of host ends', () => {
  it('give way where the kernel has a link of that name', async () => {
    const names = { containerId: 'one', containerName: 'one', network: 'tsnet', ifname: 'eth0' }
    const taken = hostIfname(names)
    const there = await world({
      host: {
        links: [{ name: 'eth0' }, { name: taken, kind: 'dummy' }],
        addresses: [{ dev: 'eth0', cidr: '198.51.100.2/24' as Cidr }],
        routes: [{ to: '0.0.0.0/0' as Cidr, via: '198.51.100.1' as Address, dev: 'eth0' }],
      },
    })
    const before = there.picture()
    const { attachments } = await there.setUp('one')
    expect(attachments[0]?.hostIfname).toBe(hostIfname(names, { attempt: 1 }))
    await there.engine.teardown({ container: 'one' })
    expect(unlike([before], there.picture())).toEqual([])
  })
})

describe('a FORWARD policy of somebody else', () => {
  it('that drops from the beginning, or begins to, gets its accepts, and they go with the network', async () => {
    for (const later of [false, true]) {
      const drops = [
        { chain: 'FORWARD', tool: 'iptables-nft', family: 4 } as const,
        { chain: 'FORWARD', tool: 'iptables-legacy', family: 6 } as const,
      ]
      let dropping = !later
      const there = await world({}, () => ({
        foreignDrops: async (chains) =>
          chains.filter(
            (one) => dropping && drops.some((drop) => JSON.stringify(one) === JSON.stringify(drop)),
          ),
      }))
      const before = there.picture()
      await there.setUp('one')
      dropping = true
      if (later) {
        expect((await there.engine.check()).map(({ subject, what }) => `${subject}: ${what}`)).toEqual([
          'tsnet: iptables-nft drops forwarded packets, and tsnet0 has no accept there',
          'tsnet: ip6tables-legacy drops forwarded packets, and tsnet0 has no accept there',
        ])
      }
      await there.setUp('two')
      expect(await there.engine.check()).toEqual([])
      const accepts = there.kernel
        .dump()
        .split('\n')
        .filter((line) => /-A FORWARD .*-j ACCEPT/.test(line))
      expect(accepts.map((line) => line.trim())).toEqual([
        'iptables-nft *filter -A FORWARD -o tsnet0 -m comment --comment "tsnet:network/tsnet" -j ACCEPT',
        'iptables-nft *filter -A FORWARD -i tsnet0 -m comment --comment "tsnet:network/tsnet" -j ACCEPT',
        'ip6tables-legacy *filter -A FORWARD -o tsnet0 -m comment --comment "tsnet:network/tsnet" -j ACCEPT',
        'ip6tables-legacy *filter -A FORWARD -i tsnet0 -m comment --comment "tsnet:network/tsnet" -j ACCEPT',
      ])
      await there.engine.teardown({ container: 'one' })
      await there.engine.teardown({ container: 'two' })
      expect(unlike([before], there.picture())).toEqual([])
    }
  })
})

describe('an interrupted setup', () => {
  it('takes everything back and says so', async () => {
    const controller = new AbortController()
    const there = await world({ onStep: (step) => step.kind === 'bridge' && controller.abort() })
    const before = there.picture()
    const end = there.engine.setup(
      decodeSetupRequest({ sandbox: '/run/netns/one', container: { id: 'one' }, publish: ['80'] }),
      { signal: controller.signal },
    )
    expect(await codeOf(end)).toBe('TSNET_INTERRUPTED: setting up: interrupted, everything was taken back')
    expect(unlike([before], there.picture())).toEqual([])
  })
})

describe('a change of a running container or network that waits for another tsnet', () => {
  const changes: Readonly<Record<string, (engine: Engine, options: Interruption) => Promise<unknown>>> = {
    teardown: (engine, options) => engine.teardown({ container: 'one' }, options),
    detach: (engine, options) => engine.detach('one', 'eth0', options),
    connect: (engine, options) =>
      engine.connect({ container: 'one' }, { network: 'more', aliases: [] }, options),
    disconnect: (engine, options) => engine.disconnect({ container: 'one' }, 'tsnet', options),
    publish: (engine, options) =>
      engine.publish({ container: 'one' }, [{ containerPort: 81, protocol: 'tcp', count: 1 }], options),
    unpublish: (engine, options) =>
      engine.unpublish({ container: 'one' }, [{ containerPort: 80, protocol: 'tcp', count: 1 }], options),
    updateNetwork: (engine, options) => engine.updateNetwork('more', { labels: { a: 'b' } }, options),
    removeNetwork: (engine, options) => engine.removeNetwork('more', options),
    prune: (engine, options) => engine.prune(options),
  }

  it.each(Object.entries(changes))('%s ends with its signal, with nothing done', async (_name, change) => {
    const there = await world()
    await there.engine.createNetwork(decodeCreateNetwork({ name: 'more' }))
    there.kernel.addSandbox('/run/netns/one')
    await there.engine.setup(
      decodeSetupRequest({ sandbox: '/run/netns/one', container: { id: 'one' }, publish: ['80'] }),
    )
    const before = there.picture()
    const locks = createLocks(statePaths(there.folder), flocker, { timeoutMs: 1000 })
    const [one, host] = [await locks.container('one'), await locks.hostExclusive()]
    const end = codeOf(change(there.engine, { signal: AbortSignal.abort() }))
    expect(await end).toMatch(/^TSNET_INTERRUPTED: /)
    one.release()
    host.release()
    expect(unlike([before], there.picture())).toEqual([])
  })
})

describe('an admin’s rules in TSNET-USER', () => {
  it('keep the base when the last network goes, and the base goes with them', async () => {
    let rules = true
    const there = await world({}, () => ({ userRules: async () => rules }))
    const before = there.picture()
    await there.setUp('one')
    await there.engine.teardown({ container: 'one' })
    expect(there.kernel.dump()).toContain('nft inet tsnet chain TSNET-USER')
    await there.setUp('one')
    rules = false
    await there.engine.teardown({ container: 'one' })
    expect(unlike([before], there.picture())).toEqual([])
  })
})

describe('rules put back where nothing is set up any more', () => {
  it('leave no trace in the state folder', async () => {
    const { engine, folder } = await world()
    const setUpAndDown = async (): Promise<void> => {
      await engine.setup(decodeSetupRequest({ sandbox: '/run/netns/one', container: { id: 'web' } }))
      await engine.teardown({ container: 'web' })
    }
    await setUpAndDown()
    const before = stateText(folder)
    expect(await engine.reapplyRules()).toBe(0)
    expect(stateText(folder)).toBe(before)
  })
})

describe('await using', () => {
  it('gives the engine’s sockets back at the end of the scope, once, and leaves what was set up', async () => {
    let closed = 0
    const there = await world({}, (memory) => ({
      close: () => {
        closed++
        memory.close()
      },
    }))
    {
      await using engine = there.engine
      await there.setUp('one')
      expect({ closed, ids: await idsOf(engine) }).toEqual({ closed: 0, ids: ['one'] })
    }
    expect({ closed, ids: await idsOf(there.engine) }).toEqual({ closed: 1, ids: ['one'] })
  })
})
