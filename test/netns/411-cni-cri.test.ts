/**
 * Kubernetes' calls as they come: containerd's CRI service runs, stops and
 * removes pods, and a plugin that writes down its call stands before each of ours.
 *
 * containerd 1.6 never calls CHECK or GC; what CRI-O does with them is done by
 * `tsnet cni` on containerd's own notes.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { needs } from '../../netns-fixtures/requirements.ts'
import { engine, engineLimitMs } from './engines.ts'

needs('root', 'ip', 'iptables', 'veth', 'bridge', 'busybox', 'curl', 'containerd')

interface Logged {
  readonly plugin: string
  readonly command: string
  readonly ifname: string
  readonly netns: string
  readonly args: string
  readonly config: { readonly runtimeConfig?: Record<string, unknown>; readonly prevResult?: unknown }
}

const readCalls = (text = ''): readonly Logged[] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Logged)

/** In their order; `lo` is attached at the same time as `eth0`, in any order. */
function sequence(text: string | undefined, ifname = 'eth0'): readonly string[] {
  return readCalls(text)
    .filter((call) => call.ifname === ifname)
    .map(({ command, plugin, netns, config }) =>
      [
        command,
        plugin,
        ...(netns === '' ? ['without namespace'] : []),
        ...(config.prevResult === undefined ? [] : ['with result']),
      ].join(' '),
    )
}

const tsnet = { type: 'tsnet', capabilities: { portMappings: true, bandwidth: true } }
const chain = [
  {
    type: 'bridge',
    isGateway: true,
    ipMasq: true,
    ipam: {
      type: 'host-local',
      ranges: [[{ subnet: '10.22.0.0/24' }]],
      routes: [{ dst: '0.0.0.0/0' }],
      dataDir: '/run/cni/leases',
    },
  },
  { type: 'portmap', capabilities: { portMappings: true } },
  { type: 'bandwidth', capabilities: { bandwidth: true } },
]

describe("containerd's CRI service", () => {
  it.each<[string, readonly { readonly type: string }[]]>([
    ['the single plugin', [tsnet]],
    ['the chain', chain],
  ])(
    'runs, stops, stops again, removes and loses pods on %s',
    { timeout: engineLimitMs },
    async (_, plugins) => {
      const types = plugins.map(({ type }) => type)
      const backwards = [...types].reverse()
      const told = await engine('cri', {
        PLUGINS: types.join(' '),
        CONFLIST: JSON.stringify({ cniVersion: '1.0.0', name: 'k8s', plugins }),
      })

      expect(sequence(told['run'])).toEqual(
        types.map((type, i) => `ADD ${type}${i === 0 ? '' : ' with result'}`),
      )
      expect(sequence(told['run'], 'lo')).toEqual(['ADD loopback'])
      const [add] = readCalls(told['run']).filter(({ plugin }) => plugin === types.at(-1))
      expect(add?.args.split(';')).toEqual(
        expect.arrayContaining(['IgnoreUnknown=1', 'K8S_POD_NAMESPACE=default', 'K8S_POD_NAME=web']),
      )
      // In Go's own spelling, which its decoder takes for the documented one.
      expect(add?.config.runtimeConfig).toMatchObject({
        bandwidth: { IngressRate: 8e6, IngressBurst: 2 ** 32 - 1, EgressRate: 4e6, EgressBurst: 2 ** 32 - 1 },
      })
      expect(told['published']).toBe('hello')
      expect(told['limits']).toBe('rate 4Mbit\nrate 8Mbit')

      expect(told['list']).toMatch(/^k8s +[0-9a-f]{64} +eth0 +10\.\d+\.\d+\.2\/24$/m)
      expect(told['listed']).toMatch(/^cri web web 10\.\d+\.\d+\.2\/24$/)
      expect(sequence(told['check'])).toEqual(types.map((type) => `CHECK ${type} with result`))
      expect(readCalls(told['check']).at(-1)?.config.runtimeConfig).toEqual(add?.config.runtimeConfig)

      expect(sequence(told['stop'])).toEqual([
        ...backwards.map((type) => `DEL ${type} with result`),
        ...backwards.map((type) => `DEL ${type} without namespace`),
      ])
      expect(sequence(told['remove'])).toEqual(backwards.map((type) => `DEL ${type} without namespace`))

      // containerd and the pod were killed, the machine's namespaces taken away: somebody else collects.
      expect(told['gc']).toMatch(/^[0-9a-f]{64} eth0$/m)
      expect(sequence(told['gc'])).toEqual(
        backwards.map((type) => `DEL ${type} without namespace with result`),
      )
      expect(new Set(sequence(told['late']))).toEqual(
        new Set(backwards.map((type) => `DEL ${type} without namespace`)),
      )
      expect(told['after']).toBe('')
    },
  )
})
