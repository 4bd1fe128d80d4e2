/**
 * netavark without a process: arguments and standard input in, exit code and
 * texts out, and what the engine was asked for. The engine is a stand-in.
 *
 * @module
 */
import { runNetavark } from '../../../../lib/adapters/netavark/run.ts'
import type { PluginEngine } from '../../../../lib/engine/plugins.ts'
import { fail } from '../../../../lib/errors/codes.ts'
import type { SetupRequest } from '../../../../lib/model/attachment.ts'

export interface Given {
  readonly stdin?: string
  readonly env?: Readonly<Record<string, string>>
  /** Links of the host and their kinds. */
  readonly links?: Readonly<Record<string, string>>
  /** Answers of the engine by method (`parts.add`), beside those below. */
  readonly engine?: Readonly<Record<string, (...args: readonly unknown[]) => unknown>>
}

export interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  /** `[method, ...arguments]` of calls that change something. */
  readonly calls: readonly (readonly unknown[])[]
  /** Signals that were listened to. */
  readonly hears: readonly string[]
}

const asks = ['parts.list', 'hasLink', 'linkKind', 'linkAddresses', 'hasInterface', 'inspect', 'close']

export async function netavark(argv: readonly string[], given: Given = {}): Promise<Outcome> {
  const calls: (readonly unknown[])[] = []
  const hears: string[] = []
  let [stdout, stderr] = ['', '']
  const code = await runNetavark({
    argv,
    // Whatever runs on this machine: no firewalld.
    env: { DBUS_SYSTEM_BUS_ADDRESS: '', ...given.env },
    cwd: '/',
    caller: '7 100',
    stdin: () => given.stdin ?? '',
    stdout: (text) => {
      stdout += text
    },
    stderr: (text) => {
      stderr += text
    },
    signals: { on: (name) => hears.push(name) },
    openEngine: async () => engineOf(given, calls),
  })
  return { code, stdout, stderr, calls, hears }
}

const mac = '02:42:0a:46:09:02'

function engineOf({ links = {}, engine = {} }: Given, calls: (readonly unknown[])[]): PluginEngine {
  const answers: Record<string, (...args: readonly never[]) => unknown> = {
    hasLink: (name: string) => name in links,
    linkKind: async (name: string) => links[name],
    linkAddresses: async () => ['192.0.2.1/24', 'fe80::1/64'],
    attach: async (request: SetupRequest) => {
      const bridge = request.networks[0]?.definition?.options.bridge
      return { attachments: [{ mac, hostIfname: 'veth0', bridge }] }
    },
    detach: async () => ({}),
    inspect: async () => {
      throw fail('TSNET_NO_SUCH_CONTAINER', { message: 'not in this test' })
    },
    hasInterface: async () => true,
    'parts.add': async () => [{ name: 'eth0', mac, mtu: 1500, inSandbox: true }],
    'parts.remove': async () => undefined,
    'parts.list': async () => [],
    setForwarders: async () => undefined,
    reapplyRules: async () => 3,
    close: async () => undefined,
    ...engine,
  }
  const method =
    (name: string) =>
    (...args: readonly never[]): unknown => {
      if (!asks.includes(name)) calls.push([name, ...args])
      const answer = answers[name]
      if (answer === undefined) throw new Error(`the test gave no answer to ${name}`)
      return answer(...args)
    }
  const room = (prefix: string): unknown =>
    new Proxy({}, { get: (_, name: string) => (name === 'then' ? undefined : method(`${prefix}${name}`)) })
  const values: Record<string, unknown> = {
    hasNames: true,
    firewall: 'nftables',
    parts: room('parts.'),
    dhcp: room('dhcp.'),
  }
  return new Proxy({} as PluginEngine, {
    get: (_, name: string) => (name === 'then' ? undefined : (values[name] ?? method(name))),
  })
}

/** A call and what came of it, as a page to be read by people. */
export async function page(argv: readonly string[], given: Given = {}): Promise<string> {
  const { code, stdout, stderr, calls } = await netavark(argv, given)
  const env = Object.entries(given.env ?? {}).map(([name, value]) => `${name}=${value} `)
  const blocks = [
    `$ ${env.join('')}netavark ${argv.map((word) => (word === '' ? "''" : word)).join(' ')}`,
    ...(given.stdin === undefined ? [] : [`<< ${pretty(JSON.parse(given.stdin))}`]),
    ...calls.map(([name, ...args]) => `-> ${String(name)}\n${args.map(pretty).join('\n')}`),
    ...(stderr === '' ? [] : [`2> ${stderr.trimEnd()}`]),
    ...(stdout === '' ? [] : [`1> ${stdout.trimEnd()}`]),
    `exit ${code}`,
  ]
  return `${blocks.join('\n\n')}\n`
}

const pretty = (value: unknown): string =>
  JSON.stringify(value, (key, one) => (key === 'call' ? 'PID TIME' : one), 1)
