/**
 * What every kernel promises, whatever it is made of.
 *
 * Written without a test framework, so that it runs on the memory kernel inside
 * vitest and on the real one in a process of a throwaway host
 * (test/netns/agents/contract.ts). Each case gets a world of its own.
 *
 * @module
 */
import { deepEqual, equal, notEqual, ok, rejects } from 'node:assert/strict'
import { asTsnetError, isTsnetError } from '../../lib/errors/codes.ts'
import type { Kernel, KernelOptions, StepPhase } from '../../lib/kernel/kernel.ts'
import type { Address, Cidr, Mac, Subnet } from '../../lib/model/address.ts'
import type {
  AddressStep,
  BridgePortStep,
  BridgeStep,
  FileStep,
  LinkUpStep,
  LoweredStep,
  RouteStep,
  RulesStep,
  SysctlStep,
  VethStep,
} from '../../lib/plan/step.ts'

export interface KernelWorld {
  /** A kernel of this world's host; several see the same host. */
  kernel(options?: KernelOptions): Kernel
  /** A fresh network namespace. @returns its path */
  sandbox(): Promise<string>
  /** Its last process ends, and it is gone when this returns. */
  endSandbox(path: string): Promise<void>
  /** All that can be seen of the host and of the sandboxes that live; equal for equal states. */
  dump(): Promise<string>
}

export interface ContractCase {
  readonly title: string
  run(world: KernelWorld): Promise<void>
}

const bridge: BridgeStep = {
  kind: 'bridge',
  where: 'host',
  name: 'tsnet0',
  mac: '02:42:0a:59:00:01' as Mac,
  mtuBytes: 1400,
  alias: 'tsnet:network/tsnet',
}
const bridgeUp: LinkUpStep = { kind: 'linkUp', where: 'host', dev: 'tsnet0' }
const gateway: AddressStep = { kind: 'address', where: 'host', dev: 'tsnet0', cidr: '10.89.0.1/24' as Cidr }
const veth: VethStep = {
  kind: 'veth',
  where: 'host',
  name: 'demo-1234',
  mac: 'fe:42:0a:59:00:02' as Mac,
  mtuBytes: 1400,
  alias: 'tsnet:demo/eth0 demo',
  bridge: 'tsnet0',
  peer: { name: 'eth0', mac: '02:42:0a:59:00:02' as Mac },
}
const port: BridgePortStep = {
  kind: 'bridgePort',
  where: 'host',
  name: 'demo-1234',
  hairpin: true,
  isolated: true,
}
const address: AddressStep = { kind: 'address', where: 'sandbox', dev: 'eth0', cidr: '10.89.0.2/24' as Cidr }
const address6: AddressStep = { ...address, cidr: 'fd00:89::2/64' as Cidr }
const up: LinkUpStep = { kind: 'linkUp', where: 'sandbox', dev: 'eth0' }
const route: RouteStep = {
  kind: 'route',
  where: 'sandbox',
  to: '0.0.0.0/0' as Subnet,
  via: '10.89.0.1' as Address,
  dev: 'eth0',
}
const route6: RouteStep = { ...route, to: '::/0' as Subnet, via: 'fd00:89::1' as Address }
const setting: SysctlStep = {
  kind: 'sysctl',
  where: 'sandbox',
  key: 'net/core/somaxconn',
  value: '77',
  before: '4096',
  keep: false,
  optional: false,
}
const rules: RulesStep = {
  kind: 'rules',
  where: 'host',
  tool: 'nft',
  add: [
    'add table inet tsnet',
    'add map inet tsnet ports { type inet_service : ipv4_addr; }',
    'add chain inet tsnet forward { type filter hook forward priority 0; policy accept; }',
    'add rule inet tsnet forward iifname "tsnet0" accept',
    'add element inet tsnet ports { 8080 comment "tsnet:demo/eth0" : 10.89.0.2 }',
    '',
  ].join('\n'),
  remove: 'add table inet tsnet\ndelete table inet tsnet\n',
}
const lines: FileStep = {
  kind: 'file',
  where: 'host',
  path: '/run/contract.hosts',
  text: '10.89.0.2\tdemo\n',
  mark: 'demo',
}
const network: readonly LoweredStep[] = [bridge, gateway, bridgeUp]
const inside: readonly LoweredStep[] = [address, address6, up, route, route6]
const everything: readonly LoweredStep[] = [...network, rules, veth, port, ...inside, setting, lines]

async function applied(
  kernel: Kernel,
  steps: readonly LoweredStep[],
  sandboxPath?: string,
): Promise<readonly (boolean | undefined)[]> {
  const sandbox = sandboxPath === undefined ? undefined : await kernel.openSandbox(sandboxPath)
  try {
    const { results, error } = await kernel.apply(steps, sandbox)
    if (error !== undefined) throw asTsnetError(error)
    return results.map((result) => result?.created)
  } finally {
    sandbox?.close()
  }
}

async function reverted(kernel: Kernel, steps: readonly LoweredStep[], sandboxPath?: string): Promise<void> {
  const sandbox = sandboxPath === undefined ? undefined : await kernel.openSandbox(sandboxPath)
  try {
    deepEqual(await kernel.revert(steps, sandbox), [])
  } finally {
    sandbox?.close()
  }
}

const coded =
  (code: Parameters<typeof isTsnetError>[1]) =>
  (error: unknown): boolean =>
    isTsnetError(error, code)

export const kernelContract: readonly ContractCase[] = [
  {
    title: 'what is applied can be seen, holds, and is gone when taken back',
    async run(world) {
      const kernel = world.kernel()
      const path = await world.sandbox()
      const before = await world.dump()
      deepEqual(
        await applied(kernel, everything, path),
        everything.map(() => true),
      )
      notEqual(await world.dump(), before)
      const sandbox = await kernel.openSandbox(path)
      deepEqual(await kernel.missing(everything, sandbox), [])
      sandbox.close()
      await reverted(kernel, everything, path)
      equal(await world.dump(), before)
    },
  },
  {
    title: 'taking back a second time finds nothing and succeeds',
    async run(world) {
      const kernel = world.kernel()
      const path = await world.sandbox()
      await applied(kernel, everything, path)
      await reverted(kernel, everything, path)
      const after = await world.dump()
      await reverted(kernel, everything, path)
      await reverted(kernel, everything)
      equal(await world.dump(), after)
    },
  },
  {
    title: 'a pair is born with its other end inside, which goes with it',
    async run(world) {
      const kernel = world.kernel()
      const path = await world.sandbox()
      await applied(kernel, [...network, veth], path)
      const born = await kernel.openSandbox(path)
      const eth0 = (await born.links()).find(({ name }) => name === 'eth0')
      born.close()
      deepEqual([eth0?.mac, eth0?.mtuBytes, eth0?.up], [veth.peer.mac, 1400, false])
      const { name, kind, mac, up: isUp, master, alias } = (await kernel.hostLink('demo-1234')) ?? {}
      deepEqual(
        { name, kind, mac, up: isUp, master, alias },
        { name: 'demo-1234', kind: 'veth', mac: veth.mac, up: true, master: 'tsnet0', alias: veth.alias },
      )
      await reverted(kernel, [veth])
      const empty = await kernel.openSandbox(path)
      deepEqual(
        (await empty.links()).map((link) => link.name),
        ['lo'],
      )
      empty.close()
    },
  },
  {
    title: 'when the sandbox has ended, the host side is taken back alone',
    async run(world) {
      const kernel = world.kernel()
      const before = await world.dump()
      const path = await world.sandbox()
      await applied(kernel, everything, path)
      await world.endSandbox(path)
      await reverted(kernel, everything)
      equal(await world.dump(), before)
    },
  },
  {
    title: 'a bridge that is there already is not ours',
    async run(world) {
      const kernel = world.kernel()
      await applied(kernel, [{ ...bridge, alias: 'made by an admin' }])
      const before = await world.dump()
      deepEqual(await applied(kernel, [bridge]), [false])
      await reverted(kernel, [bridge])
      equal(await world.dump(), before)
    },
  },
  {
    title: 'a link of that name that is no bridge is refused',
    async run(world) {
      const kernel = world.kernel()
      const path = await world.sandbox()
      await applied(kernel, [...network, veth], path)
      const before = await world.dump()
      await rejects(applied(kernel, [{ ...bridge, name: 'demo-1234' }]), coded('TSNET_IFNAME_IN_USE'))
      equal(await world.dump(), before)
    },
  },
  {
    title: 'a name that is taken on the host or inside is refused, and nothing is left',
    async run(world) {
      const kernel = world.kernel()
      const [one, two] = [await world.sandbox(), await world.sandbox()]
      await applied(kernel, [...network, veth], one)
      const before = await world.dump()
      await rejects(applied(kernel, [veth], two), coded('TSNET_IFNAME_IN_USE'))
      await rejects(applied(kernel, [{ ...veth, name: 'demo-5678' }], one), coded('TSNET_IFNAME_IN_USE'))
      equal(await world.dump(), before)
    },
  },
  {
    title: 'a pair without its bridge is refused, and nothing is left',
    async run(world) {
      const kernel = world.kernel()
      const path = await world.sandbox()
      const before = await world.dump()
      await rejects(applied(kernel, [veth], path), coded('TSNET_STEP_FAILED'))
      equal(await world.dump(), before)
    },
  },
  {
    title: 'addresses and routes that are there already are not ours',
    async run(world) {
      const kernel = world.kernel()
      const path = await world.sandbox()
      await applied(kernel, [...network, veth, ...inside], path)
      const steps = [gateway, address, address6, route, route6]
      deepEqual(
        await applied(kernel, steps, path),
        steps.map(() => false),
      )
    },
  },
  {
    title: 'an address needs its link, a route its way',
    async run(world) {
      const kernel = world.kernel()
      const path = await world.sandbox()
      await applied(kernel, [...network, veth, address, up], path)
      const before = await world.dump()
      await rejects(applied(kernel, [{ ...address, dev: 'eth7' }], path), coded('TSNET_STEP_FAILED'))
      const astray = { ...route, via: '192.0.2.1' as Address }
      await rejects(applied(kernel, [astray], path), coded('TSNET_STEP_FAILED'))
      equal(await world.dump(), before)
    },
  },
  {
    title: 'a second default route with the same metric is refused, with another one it is made',
    async run(world) {
      const kernel = world.kernel()
      const path = await world.sandbox()
      await applied(kernel, [...network, veth, address, up, route], path)
      const other = { ...route, via: '10.89.0.9' as Address }
      await rejects(applied(kernel, [other], path), coded('TSNET_STEP_FAILED'))
      deepEqual(await applied(kernel, [{ ...other, metric: 10 }], path), [true])
    },
  },
  {
    title: 'a link that was up stays up, one that was down goes down again',
    async run(world) {
      const kernel = world.kernel()
      const path = await world.sandbox()
      const lo: LinkUpStep = { kind: 'linkUp', where: 'sandbox', dev: 'lo', before: 'down' }
      const isUp = async (): Promise<boolean | undefined> => {
        const sandbox = await kernel.openSandbox(path)
        const links = await sandbox.links()
        sandbox.close()
        return links.find(({ name }) => name === 'lo')?.up
      }
      deepEqual(await applied(kernel, [lo], path), [true])
      deepEqual(await applied(kernel, [{ ...lo, before: 'up' }], path), [false])
      await reverted(kernel, [{ ...lo, before: 'up' }], path)
      equal(await isUp(), true)
      await reverted(kernel, [lo], path)
      equal(await isUp(), false)
    },
  },
  {
    title: 'settings are put back, unless they are kept or were changed since',
    async run(world) {
      const kernel = world.kernel()
      const path = await world.sandbox()
      const value = async (key: string = setting.key): Promise<string | undefined> => {
        const sandbox = await kernel.openSandbox(path)
        const found = sandbox.sysctls([key]).get(key)
        sandbox.close()
        return found
      }
      const before = (await value()) as string
      const step = { ...setting, before }
      deepEqual(await applied(kernel, [step], path), [true])
      deepEqual(await applied(kernel, [step], path), [false])
      await reverted(kernel, [step], path)
      equal(await value(), before)
      await applied(kernel, [step], path)
      await reverted(kernel, [{ ...step, keep: true }], path)
      equal(await value(), '77')
      await applied(kernel, [{ ...step, value: '78' }], path)
      await reverted(kernel, [step], path)
      equal(await value(), '78')
    },
  },
  {
    title: 'a setting the kernel does not have is refused, unless it is optional',
    async run(world) {
      const kernel = world.kernel()
      const path = await world.sandbox()
      const strange = { ...setting, key: 'net/ipv4/no_such_setting' }
      await rejects(applied(kernel, [strange], path), coded('TSNET_KERNEL_FEATURE_MISSING'))
      deepEqual(await applied(kernel, [{ ...strange, optional: true }], path), [false])
    },
  },
  {
    title: 'a value the kernel does not take is told before it is set anywhere',
    async run(world) {
      const kernel = world.kernel()
      const { key } = setting
      const before = kernel.hostSysctls([key]).get(key)
      deepEqual(kernel.refusedSysctl({ [key]: '77', 'net/ipv4/no_such_setting': '1' }), undefined)
      deepEqual(kernel.refusedSysctl({ [key]: '77', 'net/ipv4/conf/eth0/rp_filter': 'strict' }), {
        key: 'net/ipv4/conf/eth0/rp_filter',
        value: 'strict',
        cause: 'EINVAL (invalid argument)',
        isHosts: false,
      })
      equal(kernel.hostSysctls([key]).get(key), before)
    },
  },
  {
    title: 'settings of the host and of the sandbox are apart',
    async run(world) {
      const kernel = world.kernel()
      const path = await world.sandbox()
      const host = kernel.hostSysctls([setting.key]).get(setting.key)
      await applied(kernel, [setting], path)
      equal(kernel.hostSysctls([setting.key]).get(setting.key), host)
    },
  },
  {
    title: 'a link of the same name that is not ours is left alone',
    async run(world) {
      const kernel = world.kernel()
      const [one, two] = [await world.sandbox(), await world.sandbox()]
      await applied(kernel, [...network, { ...veth, alias: 'tsnet:other/eth0 other' }], one)
      const before = await world.dump()
      await reverted(kernel, [veth], two)
      await reverted(kernel, [{ ...bridge, alias: 'tsnet:network/other' }])
      equal(await world.dump(), before)
    },
  },
  {
    title: 'a failing rule script changes nothing',
    async run(world) {
      const kernel = world.kernel()
      await applied(kernel, [rules])
      const before = await world.dump()
      const clash = [
        'add element inet tsnet ports { 8081 comment "tsnet:other/eth0" : 10.89.0.3 }',
        'add element inet tsnet ports { 8080 comment "tsnet:other/eth0" : 10.89.0.3 }',
        '',
      ].join('\n')
      const remove = ''
      await rejects(applied(kernel, [{ ...rules, add: clash, remove }]), (error) => isTsnetError(error))
      equal(await world.dump(), before)
    },
  },
  {
    title: 'rules of a container are told with their tag, and taken back and put back by what was told',
    async run(world) {
      const kernel = world.kernel()
      await applied(kernel, [rules])
      const before = await world.dump()
      const told = await kernel.taggedRules(['nftables'])
      deepEqual(told, [
        {
          ...rules,
          add: 'add element inet tsnet ports { 8080 comment "tsnet:demo/eth0" : 10.89.0.2 }\n',
          remove: 'delete element inet tsnet ports { 8080 }\n',
          tag: 'tsnet:demo/eth0',
        },
      ])
      await reverted(kernel, told)
      deepEqual(await kernel.taggedRules(['nftables']), [])
      await applied(kernel, told)
      equal(await world.dump(), before)
    },
  },
  {
    title: 'what somebody took away is missing',
    async run(world) {
      const kernel = world.kernel()
      const path = await world.sandbox()
      await applied(kernel, everything, path)
      const taken = [rules, route6, setting]
      await reverted(kernel, taken, path)
      const sandbox = await kernel.openSandbox(path)
      deepEqual(await kernel.missing(everything, sandbox), taken)
      sandbox.close()
    },
  },
  {
    title: 'a hook sees each step before and after, and what it throws fails that step',
    async run(world) {
      const seen: string[] = []
      const steps: readonly LoweredStep[] = [bridge, gateway]
      const kernelFailing = (at: LoweredStep, when: StepPhase): Kernel =>
        world.kernel({
          onStep: (step, phase) => {
            seen.push(`${phase} ${step.kind}`)
            if (step === at && phase === when) throw new Error('as asked')
          },
        })
      const before = await world.dump()
      const early = await kernelFailing(gateway, 'before').apply(steps, undefined)
      deepEqual(
        early.results.map((result) => result?.created),
        [true, undefined],
      )
      ok(early.error instanceof Error)
      deepEqual(seen, ['before bridge', 'after bridge', 'before address'])
      await reverted(world.kernel(), steps)
      const late = await kernelFailing(gateway, 'after').apply(steps, undefined)
      deepEqual(
        late.results.map((result) => result?.created),
        [true, true],
      )
      ok(late.error instanceof Error)
      await reverted(world.kernel(), steps)
      equal(await world.dump(), before)
    },
  },
  {
    title: 'a failing step keeps its place in the outcome',
    async run(world) {
      const outcome = await world.kernel().apply([bridge, { ...gateway, dev: 'nothing0' }], undefined)
      deepEqual(
        outcome.results.map((result) => result?.created),
        [true, undefined],
      )
      ok(coded('TSNET_STEP_FAILED')(outcome.error))
    },
  },
  {
    title: 'a sandbox is known by who it is and not by its path',
    async run(world) {
      const kernel = world.kernel()
      const [one, two] = [await world.sandbox(), await world.sandbox()]
      const sandbox = await kernel.openSandbox(one)
      const { identity, own } = sandbox
      sandbox.close()
      equal(own, false)
      equal(identity.bootId, kernel.bootId())
      equal(kernel.isAlive(one, identity), true)
      equal(kernel.isAlive(two, identity), false)
      await world.endSandbox(one)
      equal(kernel.isAlive(one, identity), false)
    },
  },
  {
    title: 'a path that leads to no namespace is refused',
    async run(world) {
      await rejects(world.kernel().openSandbox('/proc/no/such/ns'), coded('TSNET_NOT_A_NETNS'))
    },
  },
  {
    title: 'facts tell links, addresses and the routes that come with them',
    async run(world) {
      const kernel = world.kernel()
      equal(await kernel.hostLink('tsnet0'), undefined)
      await applied(kernel, network)
      const { links, addresses, routes } = await kernel.hostFacts()
      deepEqual(
        links.filter(({ name }) => name === 'tsnet0'),
        [await kernel.hostLink('tsnet0')],
      )
      ok(addresses.some(({ dev, cidr }) => dev === 'tsnet0' && cidr === gateway.cidr))
      ok(routes.some(({ dev, to, via }) => dev === 'tsnet0' && to === '10.89.0.0/24' && via === undefined))
      ok((await kernel.hostAddresses()).includes(gateway.cidr))
    },
  },
]
