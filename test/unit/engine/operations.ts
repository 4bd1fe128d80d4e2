/**
 * What an engine can be asked to do, on a host and with containers of memory:
 * the deaths and the failures of all of it are tried.
 *
 * @module
 */
import {
  type ContainerNetwork,
  decodeCreateNetwork,
  decodeSetupRequest,
  type Engine,
} from '../../../lib/index.ts'
import type { MemoryKernel } from '../../../lib/kernel/memory/memory.ts'
import { stateText } from './state.ts'

export interface Yard {
  readonly kernel: MemoryKernel
  readonly engine: Engine
  readonly setUp: (name: string, rest?: object) => Promise<ContainerNetwork>
}

export interface Operation {
  readonly name: string
  readonly before: (yard: Yard) => Promise<unknown>
  readonly run: (yard: Yard) => Promise<unknown>
}

/** Namespaces `one`, `two` and `next`. */
export function yardOf(kernel: MemoryKernel, engine: Engine): Yard {
  kernel.addSandbox('/proc/self/ns/net', { own: true })
  for (const name of ['one', 'two', 'next']) kernel.addSandbox(`/run/netns/${name}`)
  return {
    kernel,
    engine,
    setUp: (name, rest = {}) =>
      engine.setup(
        decodeSetupRequest({ sandbox: `/run/netns/${name}`, container: { id: name, name }, ...rest }),
      ),
  }
}

const shop = decodeCreateNetwork({ name: 'shop', subnets: ['10.90.0.0/24', 'fd00:90::/64'] })

export const makingOperations: readonly Operation[] = [
  {
    name: 'the first setup',
    before: async () => undefined,
    run: ({ setUp }) => setUp('one', { publish: ['8080:80', '53:53/udp', '9000-9001:90-91'] }),
  },
  {
    name: 'a second setup',
    before: ({ setUp }) => setUp('two', { publish: ['80:80'] }),
    run: ({ setUp }) => setUp('one', { publish: ['8080:80'] }),
  },
  {
    name: 'a setup on two networks',
    before: ({ engine }) => engine.createNetwork(shop),
    run: ({ setUp }) => setUp('one', { networks: ['shop', 'bridge'], publish: ['8080:80'] }),
  },
  {
    name: 'a setup with another backend than its network has',
    before: ({ engine }) => engine.createNetwork(shop),
    run: ({ setUp }) => setUp('one', { networks: ['shop'], publish: ['8080:80'], firewall: 'iptables' }),
  },
  {
    name: 'a setup in mode none',
    before: async () => undefined,
    run: ({ setUp }) => setUp('one', { mode: 'none', sysctls: { 'net.core.somaxconn': '7' } }),
  },
  {
    name: 'network connect',
    before: async ({ engine, setUp }) => {
      await engine.createNetwork(shop)
      await setUp('one', { publish: ['8080:80'] })
    },
    run: ({ engine }) => engine.connect({ container: 'one' }, { network: 'shop', gatewayPriority: 1 }),
  },
  {
    name: 'publish add',
    before: ({ setUp }) => setUp('one', { publish: ['8080:80'] }),
    run: ({ engine }) =>
      engine.publish({ container: 'one' }, [
        { hostPort: 8443, containerPort: 443, count: 1, protocol: 'tcp' },
        { hostPort: 53, containerPort: 53, count: 1, protocol: 'udp' },
      ]),
  },
  {
    name: 'network create',
    before: async () => undefined,
    run: ({ engine }) => engine.createNetwork(shop),
  },
]

export const removingOperations: readonly Operation[] = [
  {
    name: 'the last teardown',
    before: ({ setUp }) => setUp('one', { publish: ['8080:80', '53:53/udp'] }),
    run: ({ engine }) => engine.teardown({ container: 'one' }),
  },
  {
    name: 'a teardown beside another container',
    before: async ({ setUp }) => {
      await setUp('two', { publish: ['80:80'] })
      await setUp('one', { publish: ['8080:80'] })
    },
    run: ({ engine }) => engine.teardown({ container: 'one' }),
  },
  {
    name: 'a teardown with a guest backend',
    before: async ({ engine, setUp }) => {
      await engine.createNetwork(shop)
      await setUp('one', { networks: ['shop'], firewall: 'iptables' })
    },
    run: ({ engine }) => engine.teardown({ container: 'one' }),
  },
  {
    name: 'network disconnect from the network with ports and default route',
    before: async ({ engine, setUp }) => {
      await engine.createNetwork(shop)
      await setUp('one', { networks: ['shop', 'bridge'], publish: ['8080:80'] })
    },
    run: ({ engine }) => engine.disconnect({ container: 'one' }, 'shop'),
  },
  {
    name: 'publish rm',
    before: ({ setUp }) => setUp('one', { publish: ['8080:80', '53:53/udp'] }),
    run: ({ engine }) =>
      engine.unpublish({ container: 'one' }, [{ containerPort: 80, count: 1, protocol: 'tcp' }]),
  },
  {
    name: 'opening a network',
    before: async ({ engine, setUp }) => {
      await engine.createNetwork(shop)
      await setUp('one', { networks: ['shop'] })
    },
    run: ({ engine }) => engine.updateNetwork('shop', { isolate: false }),
  },
  {
    name: 'closing a network',
    before: async ({ engine, setUp }) => {
      await engine.createNetwork({ ...shop, options: { isolate: false } })
      await setUp('one', { networks: ['shop'] })
    },
    run: ({ engine }) => engine.updateNetwork('shop', { isolate: true }),
  },
  {
    name: 'network rm',
    before: ({ engine }) => engine.createNetwork(shop),
    run: ({ engine }) => engine.removeNetwork('shop'),
  },
  {
    name: 'gc of a dead container',
    before: async ({ kernel, setUp }) => {
      await setUp('one', { publish: ['8080:80'] })
      kernel.removeSandbox('/run/netns/one')
    },
    run: ({ engine }) => engine.gc(),
  },
]

/** Kernel and state folder as text. */
export interface Picture {
  readonly kernel: string
  readonly state: string
}

export function picture(kernel: MemoryKernel, folder: string): Picture {
  return { kernel: withoutKept(kernel.dump()), state: stateText(folder) }
}

/** Never turned back, and documented: lib/drivers/bridge.ts. */
function withoutKept(dump: string): string {
  return dump
    .split('\n')
    .filter((line) => !/sysctl net\/(ipv4\/ip_forward|ipv6\/conf\/all\/forwarding)=/.test(line))
    .join('\n')
}

const keptSetting = /,?\{"kind":"sysctl","where":"host"[^{}]*"keep":true[^{}]*\}/g

/** Lines that are too many or missing, against whichever of the pictures is nearest; empty: it is one of them. */
export function unlike(expected: readonly Picture[], seen: Picture): readonly string[] {
  const lines = ({ kernel, state }: Picture): readonly string[] => [
    ...kernel.split('\n'),
    ...essential(state),
  ]
  return expected
    .map((one) => [
      ...without(lines(one), lines(seen)).map((line) => `- ${line}`),
      ...without(lines(seen), lines(one)).map((line) => `+ ${line}`),
    ])
    .reduce((best, next) => (next.length < best.length ? next : best))
}

function without(lines: readonly string[], others: readonly string[]): readonly string[] {
  return lines.filter((line) => !others.includes(line))
}

/**
 * As long as anything is set up, folders stay, locks, and where the next address
 * is taken from. With nothing set up nothing may be left at all. Settings that
 * are never turned back are noted only by whoever finds them otherwise.
 */
function essential(state: string): readonly string[] {
  const lines = state.replaceAll(keptSetting, '').split('\n')
  const files = lines.filter((line) => !/\/\.last|^\S+\/$|^\/locks\/(host|ports) $|^\/boot /.test(line))
  return files.every((line) => line === '') ? lines : files
}
