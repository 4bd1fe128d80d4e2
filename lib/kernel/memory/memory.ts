/**
 * A kernel made of memory, with the rules of a real one: what exists cannot be
 * made again, what hangs on a link goes with it, rules need their chains.
 *
 * For tests of everything above the kernel room, and for goldens: no root, no
 * host. What the real one does on top (packets, timing, flows) is not here. Both
 * pass test/contract/kernel.contract.ts.
 *
 * @module
 */

import { fail, isTsnetError } from '../../errors/codes.ts'
import { addressOf, isLoopback } from '../../model/address.ts'
import type { SandboxIdentity } from '../../model/sandbox.ts'
import type { LoweredKind, LoweredStep, StepOf } from '../../plan/step.ts'
import type {
  ApplyOutcome,
  Kernel,
  KernelOptions,
  OpenSandbox,
  RefusedSysctl,
  StepResult,
} from '../kernel.ts'
import { handlers, type MemoryHandler, type MemoryWorld } from './handlers.ts'
import { findHolders, findWayOut, hostNamespace, type MemoryHost, requireBackend, usualHost } from './host.ts'
import { MemoryNamespace, Refusal } from './namespace.ts'
import { MemoryRules } from './rules.ts'
import { takesValue } from './sysctls.ts'

/** What the host in memory has from the beginning. */
export interface MemoryKernelOptions extends KernelOptions {
  readonly host?: Partial<MemoryHost>
}

/** A kernel in memory that follows the rules of the real one, as far as tsnet relies on them. */
export interface MemoryKernel extends Kernel {
  /** Makes an empty network namespace that is found at `path`; `own` makes it tsnet's. */
  addSandbox(path: string, options?: { readonly own?: boolean }): SandboxIdentity
  /** The last process ends: what was inside is gone, and the other ends of pairs too. */
  removeSandbox(path: string): void
  /** All state as text, equal for equal states: namespaces and rules, settings where they are not the default. */
  dump(): string
}

interface Sandbox {
  readonly namespace: MemoryNamespace
  readonly identity: SandboxIdentity
  readonly own: boolean
}

/** Makes a host in memory: no root, no namespaces, nothing of this machine touched. */
export function createMemoryKernel(options: MemoryKernelOptions = {}): MemoryKernel {
  const host: MemoryHost = { ...usualHost, ...options.host }
  const outside = hostNamespace(host)
  const rules = new MemoryRules(host.iptables ?? 'nft')
  const files = new Map(Object.entries(host.files))
  const sandboxes = new Map<string, Sandbox>()
  const opened = new Map<OpenSandbox, MemoryNamespace>()
  let cookies = 1

  const worldOf = (sandbox: OpenSandbox | undefined): MemoryWorld => {
    const inside = sandbox === undefined ? undefined : opened.get(sandbox)
    if (sandbox !== undefined && inside === undefined) {
      throw fail('TSNET_INTERNAL', {
        message: `sandbox ${sandbox.path} is closed, or was opened by another kernel`,
      })
    }
    return { host: outside, sandbox: inside, rules, files }
  }

  const missingRules = (steps: readonly LoweredStep[]): readonly LoweredStep[] =>
    steps.filter((step) => !handlerOf(step).holds(step, worldOf(undefined)))

  const open = (path: string): OpenSandbox => {
    const found = sandboxes.get(path)
    if (found === undefined) {
      const message = `opening ${path}: no such network namespace`
      throw fail('TSNET_NOT_A_NETNS', { message, value: path })
    }
    const { namespace, identity, own } = found
    const sandbox: OpenSandbox = {
      path,
      identity,
      own,
      links: async () => namespace.linkFacts(),
      sysctls: (keys) => new Map(keys.map((key) => [key, namespace.sysctl(key)])),
      defaultRoutes: async () => namespace.defaultRoutes(),
      close: () => void opened.delete(sandbox),
    }
    opened.set(sandbox, namespace)
    return sandbox
  }

  return {
    addSandbox(path, { own = false } = {}) {
      const identity = { cookie: String(cookies++), bootId: host.bootId }
      sandboxes.set(path, { namespace: own ? outside : new MemoryNamespace(), identity, own })
      return identity
    },
    removeSandbox(path) {
      sandboxes.get(path)?.namespace.destroy()
      sandboxes.delete(path)
    },
    dump: () => dump(outside, sandboxes, rules) + dumpFiles(files),

    openSandbox: async (path) => open(path),
    isAlive: (path, { cookie, bootId }) => {
      const identity = sandboxes.get(path)?.identity
      return identity?.cookie === cookie && identity.bootId === bootId
    },
    bootId: () => host.bootId,
    hostFacts: async () => ({
      links: outside.linkFacts(),
      addresses: [...outside.addresses],
      routes: outside.routeFacts(),
    }),
    hostLink: async (name) => outside.linkFacts().find((link) => link.name === name),
    hasHostLink: (name) => outside.linkFacts().some((link) => link.name === name),
    wayOut: async (family) => findWayOut(outside, family),
    hostAddresses: async () =>
      outside.addresses.map(({ cidr }) => cidr).filter((cidr) => !isLoopback(addressOf(cidr))),
    hostText: (path) => files.get(path),
    changeableText: (path) => files.get(path),
    refusedSysctl,
    hostSysctls: (keys) => new Map(keys.map((key) => [key, outside.sysctl(key)])),
    foreignDrops: async (chains) =>
      chains.filter(({ chain, tool, family }) =>
        host.foreignDrops.some(
          (drop) => drop.chain === chain && drop.tool === tool && drop.family === family,
        ),
      ),
    portHolder: async (protocol, address, port) =>
      findHolders(host, { protocol, address, port, count: 1 })[0],
    portHolders: async (protocol, address, port, count) =>
      findHolders(host, { protocol, address, port, count }),
    userRules: async (backend) => rules.userRules(backend),
    iptablesVariant: () => host.iptables,
    requireRoot: () => {},
    requireBackend: (backend) => requireBackend(host, backend),

    apply: async (steps, sandbox) => apply(steps, worldOf(sandbox), options.onStep),
    revert: async (steps, sandbox) => revert(steps, worldOf(sandbox)),
    missing: async (steps, sandbox) => {
      const world = worldOf(sandbox)
      // Without the sandbox nobody can look inside.
      const visible = steps.filter(({ where }) => where === 'host' || sandbox !== undefined)
      return visible.filter((step) => !handlerOf(step).holds(step, world))
    },
    lostRules: async (steps) => missingRules(steps).filter((step) => step.kind === 'rules'),
    mendRules: async (steps) => {
      const missing = missingRules(steps)
      revert(missing, worldOf(undefined))
      const { error } = apply(missing, worldOf(undefined), undefined)
      if (error !== undefined) throw error as Error
      return missing.length
    },
    taggedRules: async () => rules.tagged(),
    close: () => opened.clear(),
  }
}

function apply(
  steps: readonly LoweredStep[],
  world: MemoryWorld,
  onStep: KernelOptions['onStep'],
): ApplyOutcome {
  const results: (StepResult | undefined)[] = steps.map(() => undefined)
  for (const [i, step] of steps.entries()) {
    try {
      onStep?.(step, 'before')
      results[i] = handlerOf(step).apply(step, world)
      onStep?.(step, 'after')
    } catch (error) {
      return { results, tried: i + 1, error: asFailure(step, error) }
    }
  }
  return { results, tried: steps.length }
}

function revert(steps: readonly LoweredStep[], world: MemoryWorld): readonly unknown[] {
  const errors: unknown[] = []
  for (const step of steps.toReversed()) {
    try {
      handlerOf(step).revert(step, world)
    } catch (error) {
      errors.push(asFailure(step, error))
    }
  }
  return errors
}

/** The handler of a step forgets its kind: only for the step it was looked up with. */
function handlerOf(step: LoweredStep): MemoryHandler<LoweredKind> {
  return handlers[step.kind] as unknown as MemoryHandler<LoweredKind>
}

function refusedSysctl(wanted: Readonly<Record<string, string>>): RefusedSysctl | undefined {
  const refused = Object.entries(wanted).find(([key, value]) => !takesValue(key, value))
  if (refused === undefined) return undefined
  const [key, value] = refused
  return { key, value, cause: 'EINVAL (invalid argument)', isHosts: false }
}

function asFailure(step: LoweredStep, error: unknown): unknown {
  if (!(error instanceof Refusal) || isTsnetError(error)) return error
  const message = `${step.kind} ${subjectOf(step)}: ${error.message}`
  return fail(codeOf(step, error.errno), { message, cause: error })
}

function codeOf({ kind }: LoweredStep, errno: string): Parameters<typeof fail>[0] {
  if (errno === 'EXFULL') return 'TSNET_BRIDGE_FULL'
  const lacking = (kind === 'sysctl' && errno === 'ENOENT') || (kind === 'address' && errno === 'EACCES')
  if (lacking) return 'TSNET_KERNEL_FEATURE_MISSING'
  return kind === 'rules' ? 'TSNET_PROGRAM_FAILED' : 'TSNET_STEP_FAILED'
}

function subjectOf(step: StepOf<LoweredKind>): string {
  if ('name' in step) return step.name
  if ('dev' in step) return step.dev
  if ('key' in step) return step.key
  if ('path' in step) return step.path
  return 'tool' in step ? step.tool : step.containerAddress
}

function dump(outside: MemoryNamespace, sandboxes: ReadonlyMap<string, Sandbox>, rules: MemoryRules): string {
  const section = (title: string, lines: readonly string[]): readonly string[] =>
    lines.length === 0 ? [] : [title, ...lines.map((line) => `  ${line}`)]
  return [
    ...section('host', outside.dump()),
    ...[...sandboxes].flatMap(([path, { namespace }]) => section(`sandbox ${path}`, namespace.dump())),
    ...section('rules', rules.dump()),
    '',
  ].join('\n')
}

function dumpFiles(files: ReadonlyMap<string, string>): string {
  return [...files].map(([path, text]) => `file ${path}: ${JSON.stringify(text)}\n`).join('')
}
